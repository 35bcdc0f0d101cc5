package journal

import "golang.org/x/mod/sumdb/note"

// Queued is how many entries wait for a transaction.
func (j *Journal) Queued() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.queue)
}

// Sign is how a journal signs.
var Sign = sign

// SignedBy reports whether a checkpoint names a signature of a key.
func SignedBy(checkpoint []byte, key note.Signer) bool { return signed(checkpoint, []note.Signer{key}) }

// Remembered is how many checkpoints are kept that were seen elsewhere.
func (j *Journal) Remembered() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.contradicted) + len(j.ahead)
}
