package person_test

import (
	"context"
	"fmt"
	"time"

	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/person/persontest"
)

func Example() {
	ctx := context.Background()
	reg := person.NewRegister(persontest.NewMemory(), time.Now, person.Limits{})
	if _, err := reg.AddPerson(ctx, "a.diallo", "A. Diallo", "Watch officer", person.Officer); err != nil {
		fmt.Println(err)
	}

	token, _ := reg.IssueToken(ctx, "a.diallo", person.Observer, 24*time.Hour)
	p, role, _ := reg.ByToken(ctx, token) // for programs
	fmt.Println(p.Office, p.Name, "as", role)

	link, _ := reg.IssueLink(ctx, "a.diallo", person.Officer, time.Hour)
	session, _ := reg.SignIn(ctx, link) // for browsers: works once
	p, role, _ = reg.Session(ctx, session)
	fmt.Println(p.Office, p.Name, "as", role)

	_, err := reg.SignIn(ctx, link)
	fmt.Println(err)
	_, err = reg.IssueToken(ctx, "a.diallo", person.Releasing, time.Hour)
	fmt.Println(err)
	// Output:
	// Watch officer A. Diallo as observer
	// Watch officer A. Diallo as officer
	// this does not sign anybody in: this link was used already, or never issued; ask for a new one
	// issue a token: the role does not allow it: a.diallo has the role officer, which does not include releasing; ask for officer or less
}
