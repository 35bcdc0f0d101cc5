package web

import "net/http"

// routes are all there are. {$} ends a path; what is not here is a 404 page.
func (s *site) routes(mux *http.ServeMux) {
	for pattern, h := range map[string]handler{
		"GET /{$}":                         s.start,
		"GET /board":                       s.board,
		"GET /situations/{domain}/{index}": s.situation,
		"GET /acts/{domain}/{index}":       s.act,
		"GET /acts/{domain}/{index}/proof": s.proof,
		"GET /acts/{domain}/{index}/entry": s.entry,
		"GET /inbox":                       s.inbox,
		"GET /compose":                     s.composeIndex,
		"GET /compose/{kind}":              s.compose,
		"POST /compose/{kind}":             s.composePost,
		"GET /drafts":                      s.drafts,
		"GET /drafts/{id}":                 s.draft,
		"POST /drafts/{id}":                s.draftPost,
		"GET /record":                      s.record,
		"GET /peers":                       s.peers,
		"GET /peers/{domain}":              s.peer,
		"POST /peers/{domain}":             s.peerPost,
		"GET /peers/{domain}/evidence":     s.peerEvidence,
		"GET /prove":                       s.prove,
		"GET /find":                        s.find,
		"GET /sign-in":                     s.signIn,
		"POST /sign-in":                    s.signInPost,
		"POST /sign-out":                   s.signOutPost,
		"GET /about":                       s.about,
		"POST /scenario":                   s.scenarioPost,
		"GET /scenario/now":                s.scenarioNow,
		"/":                                s.nothing,
	} {
		mux.Handle(pattern, s.page(h))
	}
	mux.Handle("GET /static/", s.files)
}
