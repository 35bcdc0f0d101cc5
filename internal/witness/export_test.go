package witness

import "time"

// Deterministic makes s sign without randomness (FIPS 204, section 3.4) and at
// one time, so that its signatures can be compared with those of others.
func (s *MLDSASigner) Deterministic(at time.Time) {
	s.now = func() time.Time { return at }
	s.sign = func(msg []byte) ([]byte, error) { return s.key.SignDeterministic(msg, nil) }
}

// CosignedMessage is what an ML-DSA-44 cosignature signs.
var CosignedMessage = cosignedMessage
