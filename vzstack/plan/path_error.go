package plan

// A PathError is about one key of the project's files.
type PathError struct {
	Path string // as services.web.ports
	Err  error
}

// Error implements error.
func (e *PathError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PathError) Unwrap() error { return e.Err }
