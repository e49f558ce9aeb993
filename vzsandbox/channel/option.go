package channel

import "log/slog"

// An Option changes how [Serve] works. The defaults suit most.
type Option func(*config)

type config struct {
	window int
	log    *slog.Logger
}

func newConfig(opts []Option) config {
	c := config{window: defaultWindow, log: slog.New(slog.DiscardHandler)}
	for _, opt := range opts {
		opt(&c)
	}
	return c
}

// WithWindow sets how many handlers may run at once, 1 to 1024. The default is 64. It
// also bounds what the other side can make this one hold: a request takes a slot, and one
// more for each full MiB of it.
func WithWindow(n int) Option { return func(c *config) { c.window = min(max(1, n), maxWindow) } }

// WithLogger sets where panics of handlers go, with their stacks. The default discards
// them; the other side gets the panic's value only.
func WithLogger(l *slog.Logger) Option { return func(c *config) { c.log = l } }
