// Package worldmap draws a map of the world as an SVG with a caption, without
// JavaScript, and marks States on it:
//
//	atlas, err := worldmap.Load()
//	err = atlas.Draw(w, worldmap.Map{Marks: []worldmap.Mark{
//		{State: "LBR", Name: "Liberia", Level: worldmap.Late, Count: 2, Note: "2 situations, 1 answer late", URL: "/board?state=LBR"},
//		{State: "CIV", Name: "Côte d'Ivoire", Level: worldmap.Open, URL: "/situations/un.example/3"},
//	}})
//
// # What it holds to
//
// A mark is a shape, a word and a colour: ▲ late, ○ open, ■ on file, and the
// caption says so. A marked State is a link whose name says what its mark
// says. States too small to be seen are dots. Colours are classes only; they
// stand in worldmap.css for light, dark and paper.
//
// The map takes no side. It names nothing by itself: every name on it is the
// caller's. A mark fills the shape of the State that it is about and no other;
// areas whose status is in question have shapes of their own, which look like
// all land that nobody marked. Boundaries that are disputed, or not final, are
// dashed, and a disclaimer stands under the map. SOURCES.md of package atlas says where shapes
// and lines come from and what was chosen.
//
// The projection is Equal Earth with its centre at 11° east.
package worldmap
