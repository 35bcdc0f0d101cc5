package storetest

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
)

// EnvPostgres names the variable with the address of a PostgreSQL database in
// which tests may make and drop schemas: postgres://user@host/database.
const EnvPostgres = "COMITY_TEST_POSTGRES"

// Postgres returns the address of an empty schema, which is dropped when the
// test ends. Without a database the test is skipped; if CI is true it fails.
func Postgres(t testing.TB) string {
	t.Helper()
	address := os.Getenv(EnvPostgres)
	if address == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not set, but CI=true leaves no test out", EnvPostgres)
		}
		t.Skipf("%s is not set: nothing is tested on PostgreSQL", EnvPostgres)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatalf("%s: %v", EnvPostgres, err)
	}
	schema := "test_" + strings.ToLower(rand.Text())
	params := u.Query()
	params.Set("schema", schema)
	u.RawQuery = params.Encode()
	t.Cleanup(func() { execute(t, address, "DROP SCHEMA IF EXISTS "+schema+" CASCADE") })
	return u.String()
}

// Empty empties the schema of an address but for the table of migrations, so that
// it need not be made anew, which takes three times as long, and then runs the
// statements that write what migrations have written into tables.
func Empty(t testing.TB, address string, then ...string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, address, `DO $$ DECLARE name text; again bool; BEGIN
		PERFORM set_config('search_path', '`+u.Query().Get("schema")+`', true);
		LOOP
			again := false;
			FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'migration' LOOP
				BEGIN
					EXECUTE format('DELETE FROM %I', name);
				EXCEPTION WHEN foreign_key_violation THEN
					again := true; -- rows of another table have to go first
				END;
			END LOOP;
			EXIT WHEN NOT again;
		END LOOP;
		FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema() AND last_value IS NOT NULL LOOP
			EXECUTE format('ALTER SEQUENCE %I RESTART', name);
		END LOOP;
		`+strings.Join(append(then, "END $$"), ";\n"))
}

// Terminate cuts the connection that holds the lease "follow au.example" on
// the schema of an address, as a server does that goes down.
func Terminate(t testing.TB, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, address, `SELECT pg_terminate_backend(pid) FROM pg_locks l
		WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND (l.classid::bigint << 32) + l.objid::bigint = hashtextextended('comity lease ' || $1 || ' follow au.example', 0)`,
		u.Query().Get("schema"))
}

// Cut cuts all connections of an application, and returns how many.
func Cut(t testing.TB, address, application string) int {
	t.Helper()
	return execute(t, address, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", application)
}

// execute runs a statement on the server of an address, and returns of how many rows.
func execute(t testing.TB, address, q string, args ...any) int {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	params := u.Query()
	params.Del("schema")
	u.RawQuery = params.Encode()
	db, err := server(u.String())
	if err != nil {
		t.Fatal(err)
	}
	done, err := db.Exec(q, args...)
	if err != nil {
		t.Errorf("%s: %v", q, err)
		return 0
	}
	n, err := done.RowsAffected()
	if err != nil {
		t.Errorf("%s: %v", q, err)
	}
	return int(n)
}

// servers are connected to until the process ends: a connection costs the server
// a process, and what that reads first, which is more than most statements here.
var servers sync.Map // *sql.DB by address

func server(address string) (*sql.DB, error) {
	if db, ok := servers.Load(address); ok {
		return db.(*sql.DB), nil
	}
	c, err := stdlib.GetDefaultDriver().(*stdlib.Driver).OpenConnector(address)
	if err != nil {
		return nil, err
	}
	db, _ := servers.LoadOrStore(address, sql.OpenDB(c)) // one too many has not connected
	return db.(*sql.DB), nil
}
