package vzcore

import "slices"

// A State is what a machine is or does.
type State string

// The states of a VM.
const (
	Stopped   State = "stopped"
	Starting  State = "starting"
	Running   State = "running"
	Pausing   State = "pausing"
	Paused    State = "paused"
	Resuming  State = "resuming"
	Stopping  State = "stopping"
	Saving    State = "saving"
	Restoring State = "restoring"
	Failed    State = "error"
)

// steps lists the states that may follow each. A machine can end by itself or
// break in any state in which it exists.
var steps = map[State][]State{
	Stopped:   {Starting, Restoring},
	Starting:  {Running, Stopped, Failed},
	Running:   {Pausing, Stopping, Saving, Stopped, Failed},
	Pausing:   {Paused, Running, Stopped, Failed},
	Paused:    {Resuming, Stopping, Saving, Stopped, Failed},
	Resuming:  {Running, Paused, Stopped, Failed},
	Stopping:  {Stopped, Failed},
	Saving:    {Paused, Running, Stopped, Failed},
	Restoring: {Paused, Stopped, Failed},
	Failed:    {Stopping, Stopped},
}

// MayBecome tells whether next may follow s.
func (s State) MayBecome(next State) bool { return slices.Contains(steps[s], next) }

// Settled tells whether nothing is under way.
func (s State) Settled() bool {
	return s == Stopped || s == Running || s == Paused || s == Failed
}
