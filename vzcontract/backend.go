package vzcontract

import (
	"context"
	"io"
	"time"
)

// A RuntimeBackend runs containers. All methods of it and of the optional
// interfaces are safe for concurrent use, in one process and across processes
// that share its directories. A container argument is a name, an id or an
// unambiguous prefix of an id, with or without the slash that docker puts before
// names; an unknown one is ErrNotFound, an ambiguous prefix ErrValidation.
type RuntimeBackend interface {
	Identity
	Containers
	Lifecycle
	Execer
	Logger
	// Close releases the backend. Running containers keep running.
	Close() error
}

// Identity says what a backend is.
type Identity interface {
	// BackendName is "linux-native", "vm" or "fake".
	BackendName() string
	Isolation() Isolation
	Capabilities() Capabilities
}

// Isolation is how far a workload is kept from the host.
type Isolation string

// The isolation levels, strongest first.
const (
	IsolationFull      Isolation = "full"      // a virtual machine
	IsolationContainer Isolation = "container" // all namespaces, limits, filters
	IsolationNamespace Isolation = "namespace" // some namespaces
	IsolationNone      Isolation = "none"
)

// A Feature names an optional ability in a [Capabilities].
type Feature string

// The features. Each stands for the interface, or the setting, beside it.
const (
	FeaturePause      Feature = "pause"      // Pauser
	FeatureRename     Feature = "rename"     // Renamer
	FeatureUpdate     Feature = "update"     // Updater
	FeatureStats      Feature = "stats"      // Statser
	FeatureEvents     Feature = "events"     // EventSource
	FeatureCopy       Feature = "copy"       // Copier
	FeatureFiles      Feature = "files"      // FileManager
	FeatureDiff       Feature = "diff"       // Differ
	FeatureCommit     Feature = "commit"     // Committer
	FeatureTop        Feature = "top"        // Topper
	FeatureImages     Feature = "images"     // Images
	FeatureNetworks   Feature = "networks"   // Networks
	FeatureVolumes    Feature = "volumes"    // Volumes
	FeatureSharedVM   Feature = "shared-vm"  // SharedVM
	FeatureCheckpoint Feature = "checkpoint" // Checkpointer
	FeatureMount      Feature = "mount"      // Mounter
	FeatureDial       Feature = "dial"       // Dialer
	FeatureWatch      Feature = "watch"      // FileWatcher
	FeatureDiskLimit  Feature = "disk-limit" // Resources.Disk, which is no interface
)

// Capabilities maps each feature that a backend lacks here and now to the
// reason, in words for people. A feature that is not in the map is there.
type Capabilities struct {
	Missing map[Feature]string `json:"missing,omitempty"`
}

// Has reports whether f is there.
func (c Capabilities) Has(f Feature) bool { _, no := c.Missing[f]; return !no }

// Containers makes, finds and removes containers.
type Containers interface {
	// Create makes a container without running anything in it. A name in use
	// is ErrConflict; a wrong setting ErrValidation; a missing image (after
	// the pull policy was applied) ErrNotFound. On error nothing is left.
	Create(ctx context.Context, cfg RunConfig) (ContainerInfo, error)
	// Inspect returns the container's present truth.
	Inspect(ctx context.Context, container string) (ContainerInfo, error)
	// List returns all containers, newest first.
	List(ctx context.Context) ([]ContainerInfo, error)
	// Remove removes a container and all that was made for it. A running one
	// is ErrConflict unless opts.Force.
	Remove(ctx context.Context, container string, opts RemoveOptions) error
}

// RemoveOptions of Containers.Remove.
type RemoveOptions struct {
	Force   bool // kill first
	Volumes bool // remove anonymous volumes too
}

// Lifecycle moves a container through its states; see [ContainerSteps].
type Lifecycle interface {
	// Start runs the container and returns when its program was executed.
	// ErrNoSuchProgram and ErrCannotExec tell why that failed. With
	// opts.Attach the streams are connected before the first instruction.
	Start(ctx context.Context, container string, opts StartOptions) (Attachment, error)
	// Attach connects to the streams of a running container.
	Attach(ctx context.Context, container string, opts AttachOptions) (Attachment, error)
	// Stop asks the workload to end and kills it after the grace period. It
	// returns when the container has stopped; no restart follows.
	Stop(ctx context.Context, container string, opts StopOptions) error
	// Kill sends a signal ("KILL", "SIGHUP", "9", …; empty is KILL) to the
	// workload. A container that is not running is ErrConflict.
	Kill(ctx context.Context, container, signal string) error
	// Wait returns the exit status when the condition holds.
	Wait(ctx context.Context, container string, cond WaitCondition) (ExitStatus, error)
}

// Stdio are the caller's ends of a workload's streams. A nil one is not
// connected. An *os.File may be handed to another process as it is, so that
// bytes flow on though the caller dies; the caller keeps its own descriptor.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

// StartOptions of Lifecycle.Start. With a nil Attach nothing is connected.
type StartOptions struct {
	Attach *AttachOptions
}

// AttachOptions says what to connect and how the terminal looks.
type AttachOptions struct {
	Stdio
	// Size is the caller's terminal, for a container with a TTY.
	Size TermSize
}

// TermSize is a terminal's size in characters; zero is unknown.
type TermSize struct {
	Rows uint16 `json:"rows"`
	Cols uint16 `json:"cols"`
}

// An Attachment is a live connection to a container's or exec's streams. It is
// nil where nothing was attached.
type Attachment interface {
	// Wait returns when the workload has ended and all its output has been
	// delivered. A connection that broke, or was detached by Close, gives an
	// error and leaves the workload running. So does output that the
	// caller's file does not take any more: ErrOutputLost, from backends
	// that write to the file themselves.
	Wait(ctx context.Context) (ExitStatus, error)
	Resize(ctx context.Context, size TermSize) error
	Signal(ctx context.Context, signal string) error
	// Close disconnects without disturbing the workload.
	Close() error
}

// StopOptions of Lifecycle.Stop. Zero values take the container's own settings.
type StopOptions struct {
	Signal string
	Grace  *time.Duration // negative waits for ever
	// Restart: the stop is half of a restart, so that "unless-stopped" does
	// not see it as a wish to stay down, and RunConfig.AutoRemove not as the end.
	Restart bool
}

// WaitCondition is what Lifecycle.Wait waits for.
type WaitCondition string

// The conditions. The empty one means WaitNotRunning.
const (
	WaitNotRunning WaitCondition = "not-running"
	WaitNextExit   WaitCondition = "next-exit"
	WaitRemoved    WaitCondition = "removed"
	WaitHealthy    WaitCondition = "healthy" // status code 0; ErrConflict if it stops first
)

// Execer runs further programs in a running container.
type Execer interface {
	// Exec starts a program. Cancelling ctx after it returned has no effect;
	// Cancel and the config's timeout kill the whole tree that it started.
	Exec(ctx context.Context, container string, cfg ExecConfig) (ExecSession, error)
}

// ExecConfig describes a program to run in a running container.
type ExecConfig struct {
	Args       []string `json:"args"`
	Env        []string `json:"env,omitempty"` // added to the container's
	WorkingDir string   `json:"workingDir,omitempty"`
	User       string   `json:"user,omitempty"`
	Groups     []string `json:"groups,omitempty"`
	TTY        bool     `json:"tty,omitempty"`
	Size       TermSize `json:"size,omitzero"`
	Privileged bool     `json:"privileged,omitempty"`
	// Timeout kills the program and all it started; Wait then gives ErrTimeout.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Detach: streams are discarded and the program outlives the session.
	Detach bool  `json:"detach,omitempty"`
	Stdio  Stdio `json:"-"`
}

// An ExecSession is a running exec. Its id is made by the host, never reused.
type ExecSession interface {
	Attachment
	ID() string
	// Cancel kills the whole process tree of the exec.
	Cancel(ctx context.Context) error
}

// Logger reads what containers wrote.
type Logger interface {
	// Logs calls emit for each line or part of a line, oldest first, until
	// the end, emit's error, or ctx's end. With Follow it goes on until the
	// container is removed or has stopped.
	Logs(ctx context.Context, container string, opts LogOptions, emit func(LogEntry) error) error
}

// LogOptions of Logger.Logs. With neither Stdout nor Stderr both are read.
type LogOptions struct {
	Follow         bool
	Tail           int // lines from the end; negative is all
	Since, Until   time.Time
	Stdout, Stderr bool
}

// A LogEntry is one line with its newline, or a part of a longer one.
type LogEntry struct {
	Time   time.Time `json:"time"`
	Stream string    `json:"stream"` // "stdout" or "stderr"
	Line   []byte    `json:"line"`   // valid until emit returns
}
