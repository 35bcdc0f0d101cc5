package watch

// Due is whether the night of today is still to be run.
var Due = (*Desk).due
