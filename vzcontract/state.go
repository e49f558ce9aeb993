package vzcontract

// A State is where a container is in its life.
type State string

// The states of a container.
const (
	StateCreated State = "created" // never started
	StateRunning State = "running"
	StatePaused  State = "paused"
	StateStopped State = "stopped" // ran and ended
	StateRemoved State = "removed" // final; seen only in events
)

// A Step is something that is done to a container, or that happens to it.
type Step string

// The steps of a container's life.
const (
	StepStart  Step = "start"
	StepPause  Step = "pause"
	StepResume Step = "resume"
	StepStop   Step = "stop" // by request, or because the workload ended
	StepRemove Step = "remove"
)

// ContainerSteps is the container's state machine as data: from a state, the
// steps that are allowed and the state that each leads to. A step that leads to
// the state it starts from is a no-op. A step that is not listed is a
// conflict (ErrConflict) and changes nothing.
var ContainerSteps = map[State]map[Step]State{
	StateCreated: {StepStart: StateRunning, StepStop: StateCreated, StepRemove: StateRemoved},
	StateRunning: {StepStart: StateRunning, StepPause: StatePaused, StepResume: StateRunning, StepStop: StateStopped},
	StatePaused:  {StepPause: StatePaused, StepResume: StateRunning, StepStop: StateStopped},
	StateStopped: {StepStart: StateRunning, StepStop: StateStopped, StepRemove: StateRemoved},
	StateRemoved: {StepRemove: StateRemoved},
}

// Next returns the state that step leads to from s. A forbidden step gives an
// error matching ErrConflict that names both.
func (s State) Next(step Step) (State, error) {
	to, ok := ContainerSteps[s][step]
	if !ok {
		return s, Errorf(ErrConflict, "cannot %s a container that is %s", step, s)
	}
	return to, nil
}

// A SandboxState is where a sandbox is in its life.
type SandboxState string

// The states of a sandbox.
const (
	SandboxCreating   SandboxState = "creating"
	SandboxReady      SandboxState = "ready"
	SandboxDraining   SandboxState = "draining"
	SandboxTerminated SandboxState = "terminated"
	SandboxFailed     SandboxState = "failed"
)

// SandboxMoves lists, for each state of a sandbox, the states that may follow.
var SandboxMoves = map[SandboxState][]SandboxState{
	SandboxCreating:   {SandboxReady, SandboxFailed},
	SandboxReady:      {SandboxDraining, SandboxFailed},
	SandboxDraining:   {SandboxTerminated, SandboxFailed},
	SandboxTerminated: nil,
	SandboxFailed:     nil,
}

// A SharedVMPhase is where a stack's shared machine is in its life.
type SharedVMPhase string

// The phases of a shared machine.
const (
	PhaseShutdown     SharedVMPhase = "shutdown"
	PhaseBooting      SharedVMPhase = "booting"
	PhaseReady        SharedVMPhase = "ready"
	PhaseShuttingDown SharedVMPhase = "shutting-down"
)

// SharedVMMoves lists, for each phase of a shared machine, the phases that may
// follow.
var SharedVMMoves = map[SharedVMPhase][]SharedVMPhase{
	PhaseShutdown:     {PhaseBooting},
	PhaseBooting:      {PhaseReady, PhaseShuttingDown, PhaseShutdown},
	PhaseReady:        {PhaseShuttingDown, PhaseShutdown},
	PhaseShuttingDown: {PhaseShutdown},
}
