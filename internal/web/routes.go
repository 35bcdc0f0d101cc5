package web

import "net/http"

// routes are all there are. {$} ends a path; what is not here is a 404 page.
func (s *site) routes(mux *http.ServeMux) {
	for pattern, h := range map[string]handler{
		"GET /{$}":                                s.start,
		"GET /board":                              s.board,
		"GET /situations/{domain}/{index}":        s.situation,
		"GET /acts/{domain}/{index}":              s.act,
		"GET /acts/{domain}/{index}/proof":        s.proof,
		"GET /acts/{domain}/{index}/entry":        s.entry,
		"GET /inbox":                              s.inbox,
		"GET /compose":                            s.composeIndex,
		"GET /compose/{kind}":                     s.compose,
		"POST /compose/{kind}":                    s.composePost,
		"GET /drafts":                             s.drafts,
		"GET /drafts/{id}":                        s.draft,
		"POST /drafts/{id}":                       s.draftPost,
		"GET /watch":                              s.watch,
		"POST /watch":                             s.watchPost,
		"GET /watch/places/{level}/{name...}":     s.place,
		"POST /watch/places/{level}/{name...}":    s.placePost,
		"POST /watch/situations/{domain}/{index}": s.observedPost,
		"GET /watch/series/{level}/{name...}":     s.seriesCSV,
		"GET /watch/events/{feed}":                s.event,
		"POST /watch/events/{feed}":               s.eventPost,
		"GET /watch/drafts/{id}":                  s.alert,
		"POST /watch/drafts/{id}":                 s.alertPost,
		"GET /watch/outcomes":                     s.outcomes,
		"POST /watch/outcomes/{id}":               s.outcomePost,
		"GET /watch/rules":                        s.rules,
		"GET /watch/rules/{id}":                   s.rule,
		"POST /watch/rules/{id}":                  s.rulePost,
		"POST /watch/basis":                       s.basisPost,
		"GET /watch/jobs/{id}":                    s.job,
		"POST /watch/jobs/{id}":                   s.jobPost,
		"GET /watch/feeds":                        s.feeds,
		"POST /watch/feeds":                       s.feedsPost,
		"GET /watch/feeds/{feed}":                 s.feed,
		"POST /watch/feeds/{feed}":                s.feedPost,
		"GET /watch/feeds/{feed}/quarantine":      s.quarantineCSV,
		"GET /watch/feeds/{feed}/mapping":         s.feedMapping,
		"POST /watch/feeds/{feed}/mapping":        s.feedMappingPost,
		"GET /record":                             s.record,
		"GET /peers":                              s.peers,
		"GET /peers/{domain}":                     s.peer,
		"POST /peers/{domain}":                    s.peerPost,
		"GET /peers/{domain}/evidence":            s.peerEvidence,
		"GET /prove":                              s.prove,
		"GET /find":                               s.find,
		"GET /sign-in":                            s.signIn,
		"POST /sign-in":                           s.signInPost,
		"POST /sign-out":                          s.signOutPost,
		"GET /about":                              s.about,
		"POST /scenario":                          s.scenarioPost,
		"GET /scenario/now":                       s.scenarioNow,
		"/":                                       s.nothing,
	} {
		mux.Handle(pattern, s.page(h))
	}
	mux.Handle("GET /static/", s.files)
}
