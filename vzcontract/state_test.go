package vzcontract_test

import (
	"errors"
	"slices"
	"testing"

	"vz.internal/vzcontract"
)

var (
	states = []vzcontract.State{
		vzcontract.StateCreated, vzcontract.StateRunning, vzcontract.StatePaused, vzcontract.StateStopped, vzcontract.StateRemoved,
	}
	steps = []vzcontract.Step{
		vzcontract.StepStart, vzcontract.StepPause, vzcontract.StepResume, vzcontract.StepStop, vzcontract.StepRemove,
	}
)

// TestContainerSteps walks every step from every state.
func TestContainerSteps(t *testing.T) {
	if len(vzcontract.ContainerSteps) != len(states) {
		t.Errorf("the table has %d states, want %d", len(vzcontract.ContainerSteps), len(states))
	}
	for _, from := range states {
		for _, step := range steps {
			to, listed := vzcontract.ContainerSteps[from][step]
			got, err := from.Next(step)
			switch {
			case listed && (err != nil || got != to):
				t.Errorf("%s.Next(%s) = %s, %v, want %s", from, step, got, err, to)
			case !listed && (!errors.Is(err, vzcontract.ErrConflict) || got != from):
				t.Errorf("%s.Next(%s) = %s, %v, want a conflict and no change", from, step, got, err)
			case listed && !slices.Contains(states, to):
				t.Errorf("%s by %s leads to the unknown state %q", from, step, to)
			case listed:
				// Doing it again changes nothing more.
				if again, err := to.Next(step); err != nil || again != to {
					t.Errorf("%s twice from %s = %s, %v, want %s", step, from, again, err, to)
				}
			}
		}
	}
	if vzcontract.ContainerSteps[vzcontract.StateRemoved][vzcontract.StepStart] != "" {
		t.Error("a removed container can be started")
	}
}

func TestEveryStateCanBeReachedAndLeft(t *testing.T) {
	reached := map[vzcontract.State]bool{vzcontract.StateCreated: true}
	for range states {
		for from, moves := range vzcontract.ContainerSteps {
			if !reached[from] {
				continue
			}
			for _, to := range moves {
				reached[to] = true
			}
		}
	}
	for _, s := range states {
		if !reached[s] {
			t.Errorf("no way leads to %s", s)
		}
	}
}

// leads tells whether moves lead from one state to another.
func leads[S comparable](moves map[S][]S, from, to S, depth int) bool {
	return from == to || depth > 0 && slices.ContainsFunc(moves[from], func(next S) bool { return leads(moves, next, to, depth-1) })
}

func TestSandboxMoves(t *testing.T) {
	for from, moves := range vzcontract.SandboxMoves {
		final := from == vzcontract.SandboxTerminated || from == vzcontract.SandboxFailed
		if final != (len(moves) == 0) {
			t.Errorf("%s has the moves %v", from, moves)
		}
		if !final && !slices.Contains(moves, vzcontract.SandboxFailed) {
			t.Errorf("%s cannot fail", from)
		}
		for _, to := range moves {
			if _, known := vzcontract.SandboxMoves[to]; !known {
				t.Errorf("%s leads to the unknown %s", from, to)
			}
		}
	}
	if !leads(vzcontract.SandboxMoves, vzcontract.SandboxCreating, vzcontract.SandboxTerminated, 5) {
		t.Error("a sandbox cannot come to its end")
	}
}

func TestSharedVMMoves(t *testing.T) {
	phases := []vzcontract.SharedVMPhase{
		vzcontract.PhaseShutdown, vzcontract.PhaseBooting, vzcontract.PhaseReady, vzcontract.PhaseShuttingDown,
	}
	for _, from := range phases {
		for _, to := range phases {
			if !leads(vzcontract.SharedVMMoves, from, to, 5) {
				t.Errorf("no moves lead from %s to %s", from, to)
			}
		}
		if slices.Contains(vzcontract.SharedVMMoves[from], from) {
			t.Errorf("%s leads to itself", from)
		}
	}
}
