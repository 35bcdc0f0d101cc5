package watch

// Wanted is how many want a night now.
func (d *Desk) Wanted() int64 { return d.making.Load() }
