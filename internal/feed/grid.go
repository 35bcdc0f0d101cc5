package feed

// The PRIO-GRID: cells of half a degree, numbered from 1 at 90° S, 180° W, along
// the parallels to the east, 720 to a row
// (https://www.prio.org/data/11, Tollefsen, Strand & Buhaug 2012).

// Cells is how many cells there are.
const Cells = 360 * 720

// CellAt returns the cell of a point; 0 if there is none.
func CellAt(lat, lon float64) int32 {
	if !(lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180) {
		return 0
	}
	row, col := min(int32((lat+90)*2), 359), min(int32((lon+180)*2), 719)
	return row*720 + col + 1
}

// CellCentre returns the middle of a cell, which must be one of 1 to Cells.
func CellCentre(cell int32) (lat, lon float64) {
	row, col := (cell-1)/720, (cell-1)%720
	return float64(row)/2 - 90 + 0.25, float64(col)/2 - 180 + 0.25
}
