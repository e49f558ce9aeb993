package dashboard

import (
	"context"
	"errors"
	"io"

	tea "charm.land/bubbletea/v2"
)

// Config says what a page is connected to.
type Config struct {
	Title string
	In    io.Reader
	Out   io.Writer
	// Feed sends what the page shows until its context ends. An error is shown
	// on the page.
	Feed func(ctx context.Context, send func(message any)) error
}

// Run shows the page until a person quits or ctx ends, and gives the terminal
// back as it was.
func Run(ctx context.Context, cfg Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	program := tea.NewProgram(model{title: cfg.Title}, tea.WithContext(ctx), tea.WithInput(cfg.In), tea.WithOutput(cfg.Out), tea.WithoutSignalHandler())
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		err := cfg.Feed(ctx, func(message any) { program.Send(message) })
		if err != nil && ctx.Err() == nil {
			program.Send(Failure{err})
		}
	}()
	_, err := program.Run()
	cancel()
	<-fed
	if errors.Is(err, tea.ErrProgramKilled) && context.Cause(ctx) != nil {
		return context.Cause(ctx)
	}
	return err
}
