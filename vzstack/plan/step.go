package plan

import (
	"fmt"
	"slices"
	"strings"
)

// A Kind of step.
type Kind string

// The kinds of step.
const (
	CreateNetwork Kind = "create-network"
	RemoveNetwork Kind = "remove-network"
	CreateVolume  Kind = "create-volume"
	RemoveVolume  Kind = "remove-volume"
	Pull          Kind = "pull"
	RemoveImage   Kind = "remove-image"
	Create        Kind = "create"
	Rename        Kind = "rename"
	Start         Kind = "start"
	Wait          Kind = "wait"
	Stop          Kind = "stop"
	Remove        Kind = "remove"
)

// A Step is one thing to do to one thing.
type Step struct {
	Kind Kind
	// Name is that of the thing: a container, network, volume or image. For
	// Wait it is the service that is waited for.
	Name    string
	Service string // of a container
	Number  int    // of a replica to create
	// ID is the container's where there is one.
	ID string
	// As is the name to create under, where it is not Name yet, and for
	// Rename the name that it has.
	As string
	// Replaces is the container whose anonymous volumes a created one takes over.
	Replaces string
	// Condition of Wait.
	Condition Condition
	// Optional: a failed Wait is only warned about.
	Optional bool
	// Rerun: the container ran before; its start is a restart.
	Rerun bool
	// After are the indexes of the steps that must have ended well.
	After []int
}

// String is one line, for people and golden files.
func (s Step) String() string {
	words := []string{string(s.Kind), s.Name}
	if s.As != "" {
		words = append(words, "as", s.As)
	}
	if s.Condition != "" {
		words = append(words, string(s.Condition))
	}
	if s.Optional {
		words = append(words, "(optional)")
	}
	return strings.Join(words, " ")
}

// A Plan is a graph of steps in an order that may be run one by one.
type Plan struct {
	Steps []Step
	// Warnings are for people.
	Warnings []string
	// Orphans are containers of services that the project no longer has.
	Orphans []string
}

// Empty reports whether there is nothing to do but wait.
func (p *Plan) Empty() bool {
	return !slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Kind != Wait })
}

// String lists the steps, each with those that come before.
func (p *Plan) String() string {
	var b strings.Builder
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "%d %s", i, s)
		if len(s.After) > 0 {
			fmt.Fprintf(&b, " after %s", strings.Trim(fmt.Sprint(s.After), "[]"))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// add appends a step and returns its index.
func (p *Plan) add(s Step) int {
	slices.Sort(s.After)
	s.After = slices.Compact(s.After)
	p.Steps = append(p.Steps, s)
	return len(p.Steps) - 1
}
