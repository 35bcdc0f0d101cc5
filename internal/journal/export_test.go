package journal

// Queued is how many entries wait for a transaction.
func (j *Journal) Queued() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.queue)
}

// Sign is how a journal signs.
var Sign = sign
