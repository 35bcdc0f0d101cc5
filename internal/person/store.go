package person

import (
	"context"
	"errors"

	"github.com/comity/comity/comity"
)

// Errors that callers tell apart. Their texts are fit for users.
var (
	// ErrNotFound: no such person or draft. A draft that somebody else has
	// released or discarded is no longer there.
	ErrNotFound = errors.New("not here")
	// ErrExists: the person is there already.
	ErrExists = errors.New("is there already")
	// ErrRole: the role is too small.
	ErrRole = errors.New("the role does not allow it")
	// ErrOwnDraft: who drafted does not release.
	ErrOwnDraft = errors.New("a second person must release it")
	// ErrCredential: a token, link or session that is not known, was used up,
	// was revoked, or has run out.
	ErrCredential = errors.New("this does not sign anybody in")
)

// Sort of a credential.
type Sort string

// The sorts.
const (
	Token   Sort = "token"   // for programs, until it runs out or is revoked
	Link    Sort = "link"    // exchanged once for a session
	Session Sort = "session" // of a browser
)

// Credential is what is kept of a token, link or session.
type Credential struct {
	Hash   comity.Hash // SHA-256 of its text
	Sort   Sort
	Person string // ID
	Role   Role
	Issued comity.Time
	Seen   comity.Time // a session: when it was last used, to within a minute
	Until  comity.Time // when it runs out
}

// Store keeps persons, credentials and drafts. Implementations are safe for
// concurrent use, by several processes too; a nil error of a method that
// writes means that it is durable. The suite persontest.TestStore says the
// rest.
type Store interface {
	// AddPerson keeps a person; ErrExists if the ID is taken.
	AddPerson(ctx context.Context, p Person) error
	// Person by ID; ErrNotFound.
	Person(ctx context.Context, id string) (Person, error)
	// Persons lists all in order of ID.
	Persons(ctx context.Context) ([]Person, error)

	// AddCredential keeps a credential of a person that is there.
	AddCredential(ctx context.Context, c Credential) error
	// Credential by its hash, and whose it is; ErrNotFound.
	Credential(ctx context.Context, h comity.Hash) (Credential, Person, error)
	// Seen notes when a session was last used; nothing if it is gone.
	Seen(ctx context.Context, h comity.Hash, at comity.Time) error
	// Exchange drops a link and keeps a session in its place, both or
	// neither; of several that exchange the same link one succeeds and the
	// others get ErrNotFound.
	Exchange(ctx context.Context, link comity.Hash, session Credential) error
	// DropCredential forgets a credential; ErrNotFound.
	DropCredential(ctx context.Context, h comity.Hash) error
	// DropCredentials forgets all credentials of a person.
	DropCredentials(ctx context.Context, person string) error
	// DropExpired forgets all that ran out before the time.
	DropExpired(ctx context.Context, before comity.Time) error

	// AddDraft keeps a draft under an ID that was never used before, or, if
	// it has an ID, puts it back under that.
	AddDraft(ctx context.Context, d Draft) (id int64, err error)
	// Draft by ID; ErrNotFound.
	Draft(ctx context.Context, id int64) (Draft, error)
	// Drafts lists all in order of ID.
	Drafts(ctx context.Context) ([]Draft, error)
	// TakeDraft removes a draft and returns it; of several that take the same
	// one succeeds and the others get ErrNotFound.
	TakeDraft(ctx context.Context, id int64) (Draft, error)
}
