package conformance

import (
	"context"
	"errors"
	"slices"
	"time"

	"vz.internal/vzcontract"
)

var eventChecks = []check{
	{name: "events-since", feature: vzcontract.FeatureEvents, run: eventsSince},
	{name: "events-live", feature: vzcontract.FeatureEvents, run: eventsLive},
}

// inOrder fails unless want is a subsequence of got.
func (e *env) inOrder(got, want []string) {
	e.Helper()
	at := 0
	for _, action := range got {
		if at < len(want) && action == want[at] {
			at++
		}
	}
	if at < len(want) {
		e.Errorf("events = %q, want %q in this order among them", got, want)
	}
}

var lifeActions = []string{"create", "start", "die", "destroy"}

func (e *env) oneLife() string {
	e.Helper()
	info := e.start(e.config("sh", "-c", "exit 3"))
	e.wait(info.ID)
	if err := e.b.Remove(e.ctx, info.ID, vzcontract.RemoveOptions{}); err != nil {
		e.Fatal(err)
	}
	return info.ID
}

func eventsSince(e *env) {
	s := e.b.(vzcontract.EventSource)
	began := time.Now().Add(-time.Second)
	id := e.oneLife()
	var actions []string
	last := time.Time{}
	soon := time.Now().Add(200 * time.Millisecond) // a guest's clock may be ahead of this one
	err := s.Events(e.ctx, vzcontract.EventOptions{Since: began, Until: soon}, func(ev vzcontract.Event) error {
		if ev.Time.Before(last) {
			e.Errorf("event %s goes back in time", ev.Action)
		}
		last = ev.Time
		if ev.ID == id && ev.Type == "container" {
			actions = append(actions, ev.Action)
			if ev.Action == "die" && ev.Attributes["exitCode"] != "3" {
				e.Errorf("die event has %v, want exitCode 3", ev.Attributes)
			}
		}
		return nil
	})
	if err != nil {
		e.Errorf("events until now = %v, want the end", err)
	}
	e.inOrder(actions, lifeActions)
	err = s.Events(e.ctx, vzcontract.EventOptions{Since: began}, func(vzcontract.Event) error { return errFound })
	if !errors.Is(err, errFound) {
		e.Errorf("events after emit's error = %v", err)
	}
}

func eventsLive(e *env) {
	s := e.b.(vzcontract.EventSource)
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	type seen struct{ id, action string }
	events := make(chan seen, 1000)
	done := make(chan error, 1)
	began := time.Now()
	go func() {
		done <- s.Events(ctx, vzcontract.EventOptions{Since: began}, func(ev vzcontract.Event) error {
			events <- seen{ev.ID, ev.Action}
			return nil
		})
	}()
	id := e.oneLife()
	var actions []string
	for !slices.Contains(actions, "destroy") {
		select {
		case ev := <-events:
			if ev.id == id {
				actions = append(actions, ev.action)
			}
		case <-e.ctx.Done():
			e.Fatalf("no destroy among the events %q", actions)
		}
	}
	e.inOrder(actions, lifeActions)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		e.Errorf("cancelled events = %v, want context.Canceled", err)
	}
}
