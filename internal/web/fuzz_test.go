package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// foreign is what no page may show as markup.
const foreign = `<i id=foreign>`

// Whatever is written into a form, or into an address, there is a page; what
// was written is text on it, and nothing is issued before it was checked.
func FuzzForm(f *testing.F) {
	seed := newTestSite(f)
	good := warning(seed)
	f.Add("/compose/warning", good.Encode(), "officer", "en")
	good.Set("title", foreign)
	good.Set("text", `"'>`+foreign)
	f.Add("/compose/warning", good.Encode(), "officer", "ar,en;q=0.3")
	f.Add("/compose/note", "step=check&title="+url.QueryEscape(foreign)+"&date=0000-13-99T99:99", "officer", "*")
	f.Add("/compose/request?situation=un.example/0&re="+url.QueryEscape(foreign), "what=x&due=tomorrow&free.0=%00&freefor.0=x", "officer", "xx")
	f.Add("/drafts/1", "step=release", "releasing", "")
	f.Add("/sign-in", "t="+url.QueryEscape(foreign), "", "")
	f.Add("/find?q="+url.QueryEscape(foreign), "", "observer", "")
	f.Add("/board?threat="+url.QueryEscape(foreign)+"&lang="+url.QueryEscape(foreign), "", "", "")
	f.Add("/record?after=-1&limit=99999999999999999999", "", "", "")
	f.Add("/watch?sort="+url.QueryEscape(foreign)+"&deaths=-1&months=99", "do=run", "officer", "ar")
	f.Add("/watch/places/country/"+url.PathEscape(foreign)+"?span=x&before=-3", "", "officer", "")
	f.Add("/watch/places/cell/999999999999", "", "officer", "ar")
	f.Add("/watch/series/situation/"+url.PathEscape(foreign), "", "officer", "")
	f.Add("/watch/drafts/5", "do=dismiss&why="+url.QueryEscape(foreign), "officer", "")
	f.Add("/watch/drafts/5", "do=write", "officer", "en")
	f.Add("/watch/outcomes/8", "result=averted&why="+url.QueryEscape(foreign), "officer", "")
	f.Add("/watch/rules/new", "do=try&name="+url.QueryEscape(foreign)+"&level=country&signal=nonsense"+url.QueryEscape(foreign)+"&fire=NaN&rearm=1e400&damp=,&from=2003-04", "officer", "ar")
	f.Add("/watch/rules/1", "do=keep&version=2&name=x&level=country&signal=1&fire=1&rearm=1&damp=1&gap=1&months=1&lapse=1&deaths=1", "officer", "")
	f.Add("/watch/feeds/exercise?after=-1", "do=mend&row=1&raw="+url.QueryEscape(foreign+"91.5"), "officer", "")
	f.Add("/watch/feeds/field-reports/mapping", "column-0=from&column-1=latitude&violence="+url.QueryEscape(foreign)+"&dates=never", "officer", "")
	f.Add("/watch/events/exercise?key="+url.QueryEscape(foreign), "", "officer", "")
	f.Add("/watch/situations/ecowas.example/0", "do=place&states="+url.QueryEscape(foreign)+"&from=0000-13-99&south=NaN&north=1e400", "officer", "ar")
	f.Add("/watch/situations/ecowas.example/0", "do=untie&feed="+url.QueryEscape(foreign)+"&key="+url.QueryEscape(foreign), "officer", "")
	f.Add("/watch/places/cell/139020?sort=exercise", "do=tie&situation=ecowas.example/0&from="+url.QueryEscape(foreign), "officer", "")
	f.Add("/compose/report", "step=check&title=x&killed=-1&wounded="+url.QueryEscape(foreign)+"&latitude=1e9&longitude="+url.QueryEscape(foreign), "officer", "")
	good.Set("draft", "5")
	good["offered"], good["picked"] = []string{foreign, "x"}, []string{foreign}
	f.Add("/compose/warning", good.Encode(), "officer", "en")
	f.Fuzz(func(t *testing.T, path, form, role, language string) {
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(role, " \r\n;,\"\\") {
			return
		}
		u, err := url.ParseRequestURI(path)
		if err != nil || u.Host != "" {
			return
		}
		x := newTestSite(t)
		for _, method := range []string{"GET", "POST"} {
			r, err := http.NewRequestWithContext(t.Context(), method, "http://un.example/", strings.NewReader(form))
			if err != nil {
				t.Fatal(err)
			}
			u := *u
			r.URL, r.RequestURI = &u, path
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header["Accept-Language"] = []string{language}
			if role != "" {
				r.AddCookie(&http.Cookie{Name: "comity_session_un_example", Value: role})
			}
			w := httptest.NewRecorder()
			x.ServeHTTP(w, r)
			if w.Code >= 500 && w.Code != http.StatusNotImplemented {
				t.Fatalf("%s %q %q: %d %.300s", method, path, form, w.Code, w.Body)
			}
			body := w.Body.String()
			if kind := w.Header().Get("Content-Type"); strings.HasPrefix(kind, "text/html") && (strings.Contains(body, foreign) || strings.Contains(body, "%!")) {
				t.Errorf("%s %q %q: a page shows markup that is not its own", method, path, form)
			}
			if v, _ := url.ParseQuery(form); x.issued > 0 && (v.Get("step") == "check" || role == "") {
				t.Errorf("%s %q %q issued something", method, path, form)
			}
		}
	})
}
