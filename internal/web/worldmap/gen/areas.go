package main

// What follows are choices about boundaries. They take no side: the lines are
// the atlas's own; a house that draws otherwise changes these tables and runs
// gen again.

// leftOut shapes are not drawn: too far south for the sheet, or reefs and
// lagoons that would not be seen.
var leftOut = map[string]bool{"ATA": true, "HMD": true, "ATC": true, "IOA": true}

// joined shapes are drawn and marked together, as on the United Nations' map
// of the world (No. 4170). The line between them is dashed if it stands in
// dashed below, and is not drawn otherwise.
var joined = map[string]string{
	"ALA": "FIN",
	"CYN": "CYP",
	"HKG": "CHN",
	"MAC": "CHN",
	"SOL": "SOM",
}

// nameless shapes are land that belongs to no one else's shape, and that
// nobody marks.
var nameless = map[string]bool{"KAS": true}

// box bounds a part of a boundary, in degrees. The zero box is all of it.
type box struct{ west, south, east, north float64 }

// dashed boundaries, by the two shapes they part: disputed, not yet final or
// determined, or lines of armistice, cease-fire or control. They are those that
// the United Nations' map of the world does not draw as international
// boundaries, as far as the atlas has them, and those of which Natural Earth
// says that they are disputed.
var dashed = []struct {
	a, b string
	in   box
}{
	{a: "CHN", b: "IND", in: box{76, 30.5, 80.5, 36.5}},
	{a: "CHN", b: "IND", in: box{91.5, 26, 98, 30}},
	{a: "CHN", b: "KAS"},
	{a: "CHN", b: "PAK"},
	{a: "CYN", b: "CYP"},
	{a: "ESH", b: "MAR"},
	{a: "EGY", b: "SDN", in: box{33, 21, 38, 24}},
	{a: "IND", b: "KAS"},
	{a: "IND", b: "PAK", in: box{73.3, 32.4, 78, 37}},
	{a: "ISR", b: "PSE"},
	{a: "ISR", b: "SYR"},
	{a: "KAS", b: "PAK"},
	{a: "KEN", b: "SSD"},
	{a: "KOR", b: "PRK"},
	{a: "SDN", b: "SSD"},
	{a: "SOL", b: "SOM"},
	{a: "SRB", b: "XKX"},
}
