package vzstack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// An Event is something that happened to a container of a project, in the form
// of docker compose events --json.
type Event struct {
	Time       time.Time         `json:"time"`
	Type       string            `json:"type"`
	Action     string            `json:"action"`
	ID         string            `json:"id"`
	Service    string            `json:"service"`
	Attributes map[string]string `json:"attributes"`
}

// String is one line for people.
func (e Event) String() string {
	words := make([]string, 0, len(e.Attributes))
	for _, k := range slices.Sorted(maps.Keys(e.Attributes)) {
		words = append(words, k+"="+e.Attributes[k])
	}
	return fmt.Sprintf("%s %s %s %s (%s)", e.Time.Format("2006-01-02 15:04:05.000000"), e.Type, e.Action, e.ID, strings.Join(words, ", "))
}

// Events tells what happens to the project's containers, from any process, for
// as long as ctx or opts say. The labels that tie a container to its project
// are not repeated among the attributes.
func (s *Stack) Events(ctx context.Context, project string, opts vzcontract.EventOptions, emit func(Event) error) error {
	if s.events == nil {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "events: backend %s has none", s.cfg.Backend.BackendName())
	}
	owner := map[string]map[string]string{} // labels by container, where events have none
	return s.events.Events(ctx, opts, func(e vzcontract.Event) error {
		if e.Type != "container" {
			return nil
		}
		labels := s.labelsOf(ctx, owner, e)
		if labels[plan.LabelProject] != project {
			return nil
		}
		out := Event{Time: e.Time, Type: e.Type, Action: e.Action, ID: e.ID, Service: labels[plan.LabelService], Attributes: map[string]string{}}
		for k, v := range e.Attributes {
			if !strings.HasPrefix(k, "com.docker.compose.") && !strings.HasPrefix(k, "vz.stack.") {
				out.Attributes[k] = v
			}
		}
		return emit(out)
	})
}

// labelsOf finds the labels of an event's container: docker puts them among
// the attributes; a backend that does not is asked.
func (s *Stack) labelsOf(ctx context.Context, known map[string]map[string]string, e vzcontract.Event) map[string]string {
	if e.Attributes[plan.LabelProject] != "" {
		return e.Attributes
	}
	if labels, ok := known[e.ID]; ok {
		return labels
	}
	info, err := s.cfg.Backend.Inspect(ctx, e.ID)
	if err != nil {
		return nil // gone, and nobody knows whose it was
	}
	known[e.ID] = info.Labels
	return info.Labels
}
