package watchtest

import "testing"

func TestJobs(t *testing.T) { RunJobs(t, &Jobs{}) }
