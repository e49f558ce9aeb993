package runflags

import "strings"

// Streams are those that a foreground run connects.
type Streams struct{ In, Out, Err bool }

// Streams reads --attach and --interactive.
func (f *Flags) Streams() (Streams, error) {
	if len(f.Attach) == 0 {
		return Streams{In: f.Interactive, Out: true, Err: true}, nil
	}
	var s Streams
	for _, a := range f.Attach {
		switch strings.ToLower(a) {
		case "stdin":
			s.In = true
		case "stdout":
			s.Out = true
		case "stderr":
			s.Err = true
		default:
			return s, bad("attach", a, "want stdin, stdout or stderr")
		}
	}
	return s, nil
}
