package watch

// Due is whether the night of today is still to be run.
var Due = (*Desk).due

// Wanted is how many want a night now.
func (d *Desk) Wanted() int64 { return d.making.Load() }
