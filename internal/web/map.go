package web

import "html/template"

// worldMap draws where the situations are: States by code, and how much each
// needs attention (see level). Nothing is shown without it: the list above says
// the same.
func (s *site) worldMap(_ *request, levels map[string]int) template.HTML { return "" }
