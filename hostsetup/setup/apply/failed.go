package apply

import "fmt"

// Unproven is a result that Verify refused.
type Unproven struct{ err error }

// Error implements error.
func (u *Unproven) Error() string { return fmt.Sprintf("the result does not work: %v", u.err) }

// Unwrap implements errors.Unwrap.
func (u *Unproven) Unwrap() error { return u.err }

// Rolled is a failure after which everything is as before.
type Rolled struct {
	ID  string
	err error
}

// Error implements error.
func (r *Rolled) Error() string {
	return fmt.Sprintf("%v\nAll that run %s had done was taken back.", r.err, r.ID)
}

// Unwrap implements errors.Unwrap.
func (r *Rolled) Unwrap() error { return r.err }

// Stuck is a failure after which taking back failed too.
type Stuck struct {
	ID   string
	err  error
	back error
}

// Error implements error.
func (s *Stuck) Error() string {
	return fmt.Sprintf("%v\nTaking it back failed: %v\nWhen that is mended, `docker-gpu setup rollback %s` goes on with it.", s.err, s.back, s.ID)
}

// Unwrap implements errors.Unwrap.
func (s *Stuck) Unwrap() []error { return []error{s.err, s.back} }
