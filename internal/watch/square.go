package watch

import (
	"math"

	"github.com/comity/comity/internal/feed"
)

// Squares of 2, 4 and 8 degrees have series of their own, so that a map of the
// world reads some hundred of them and not all cells. A row begins at the equator,
// and a column at Greenwich.

// Sides of squares, in degrees.
var Sides = []int{2, 4, 8}

// Square is the level of squares of a side. No lists are kept of them.
func Square(side int) Level { return Level("square " + string(rune('0'+side))) }

// A number is that of a row, times the columns, and that of a column.
const (
	squareColumns = 256 // of which the middle one begins at Greenwich
	squareRow     = 64  // begins at the equator
)

// SquareAt is the number of the square in which a point lies.
func SquareAt(side int, lat, lon float64) int64 {
	row, col := math.Floor(lat/float64(side))+squareRow, math.Floor(lon/float64(side))+squareColumns/2
	return int64(row)*squareColumns + int64(col)
}

// SquareCorner is the southwestern corner of a square.
func SquareCorner(side int, number int64) (south, west float64) {
	return float64((number/squareColumns - squareRow) * int64(side)), float64((number%squareColumns - squareColumns/2) * int64(side))
}

// squareOf a cell; 0 of none.
func squareOf(side int, cell int32) int64 {
	if cell == 0 {
		return 0
	}
	lat, lon := feed.CellCentre(cell)
	return SquareAt(side, lat, lon)
}
