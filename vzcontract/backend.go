package vzcontract

import (
	"context"
	"io"
	"time"
)

// A RuntimeBackend runs containers. All methods of it and of the optional
// interfaces are safe for concurrent use, in one process and across processes
// that share its directories. A container argument is a name, an id or an
// unambiguous prefix of an id; an unknown one is ErrNotFound, an ambiguous
// prefix ErrValidation.
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

// The features. Each but the last stands for the interface of that name.
const (
	FeaturePause      Feature = "pause"      // Pauser
	FeatureRename     Feature = "rename"     // Renamer
	FeatureUpdate     Feature = "update"     // Updater
	FeatureStats      Feature = "stats"      // Statser
	FeatureEvents     Feature = "events"     // EventSource
	FeatureCopy       Feature = "copy"       // Copier
	FeatureDiff       Feature = "diff"       // Differ
	FeatureCommit     Feature = "commit"     // Committer
	FeatureTop        Feature = "top"        // Topper
	FeatureImages     Feature = "images"     // Images
	FeatureNetworks   Feature = "networks"   // Networks
	FeatureVolumes    Feature = "volumes"    // Volumes
	FeatureSharedVM   Feature = "shared-vm"  // SharedVM
	FeatureCheckpoint Feature = "checkpoint" // Checkpointer
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
	// error and leaves the workload running.
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
	// not see it as a wish to stay down.
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

// A Pauser freezes containers.
type Pauser interface {
	Pause(ctx context.Context, container string) error
	Resume(ctx context.Context, container string) error
}

// A Renamer gives containers new names. A name in use is ErrConflict.
type Renamer interface {
	Rename(ctx context.Context, container, name string) error
}

// An Updater changes limits and restart policy, also of running containers.
type Updater interface {
	Update(ctx context.Context, container string, change UpdateConfig) (ContainerInfo, error)
}

// UpdateConfig says what to change; a nil field stays as it is. Zero fields of
// Resources stay as they are.
type UpdateConfig struct {
	Resources *Resources
	Restart   *RestartPolicy
}

// A Topper lists a container's processes.
type Topper interface {
	// Top returns the host's view of each process, the container's init first.
	Top(ctx context.Context, container string) ([]Process, error)
}

// A Process is one process of a container, as the host sees it.
type Process struct {
	PID, PPID int
	UID       uint32
	User      string // name in the host's user database, else the number
	Started   time.Time
	TTY       string // "?" for none
	CPUTime   time.Duration
	Args      []string
}

// A Statser measures containers.
type Statser interface {
	// Stats returns one sample.
	Stats(ctx context.Context, container string) (Stats, error)
}

// Stats is one sample of a container's use of resources; counters are totals
// since its start.
type Stats struct {
	Time        time.Time     `json:"time"`
	CPU         time.Duration `json:"cpu"`
	CPUUser     time.Duration `json:"cpuUser"`
	CPUSystem   time.Duration `json:"cpuSystem"`
	Throttled   time.Duration `json:"throttled"`
	OnlineCPUs  int           `json:"onlineCPUs"`
	Memory      uint64        `json:"memory"` // bytes, page cache that can go left out
	MemoryLimit uint64        `json:"memoryLimit"`
	MemoryCache uint64        `json:"memoryCache"`
	OOMKills    uint64        `json:"oomKills"`
	PIDs        uint64        `json:"pids"`
	PIDsLimit   uint64        `json:"pidsLimit"`
	BlockRead   uint64        `json:"blockRead"` // bytes
	BlockWrite  uint64        `json:"blockWrite"`
	Network     []NetStats    `json:"network,omitempty"`
}

// NetStats are the counters of one interface, from the container's side.
type NetStats struct {
	Interface            string `json:"interface"`
	RxBytes, RxPackets   uint64
	TxBytes, TxPackets   uint64
	RxErrors, TxErrors   uint64
	RxDropped, TxDropped uint64
}

// An EventSource tells what happens, from every process that uses the backend.
type EventSource interface {
	// Events calls emit for each event since opts.Since (zero is from now
	// on), then as they happen until opts.Until or ctx's end.
	Events(ctx context.Context, opts EventOptions, emit func(Event) error) error
}

// EventOptions of EventSource.Events.
type EventOptions struct {
	Since, Until time.Time
}

// An Event is something that happened. Action has Docker's words: create,
// start, die, stop, kill, oom, pause, unpause, restart, rename, update, exec_*,
// health_status, destroy, pull, tag, untag, delete, mount, connect, …
type Event struct {
	Time       time.Time         `json:"time"`
	Type       string            `json:"type"` // "container", "image", "network", "volume"
	Action     string            `json:"action"`
	ID         string            `json:"id"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// A Copier moves files as tar streams. Paths are resolved inside the
// container's root; links never lead out of it.
type Copier interface {
	// CopyIn unpacks tar into the directory dir, which must exist.
	CopyIn(ctx context.Context, container, dir string, tar io.Reader, opts CopyInOptions) error
	// CopyOut returns a tar stream of path (its base name is the first
	// entry) and what path is. The caller closes it.
	CopyOut(ctx context.Context, container, path string) (io.ReadCloser, PathStat, error)
	// StatPath tells what path is.
	StatPath(ctx context.Context, container, path string) (PathStat, error)
}

// CopyInOptions of Copier.CopyIn.
type CopyInOptions struct {
	// KeepOwner keeps the numeric owners of the archive; else root owns all.
	KeepOwner bool
}

// PathStat describes a path in a container.
type PathStat struct {
	Name       string    `json:"name"`
	Size       int64     `json:"size"`
	Mode       uint32    `json:"mode"` // io/fs.FileMode bits
	ModTime    time.Time `json:"modTime"`
	LinkTarget string    `json:"linkTarget,omitempty"`
}

// A Differ lists what a container changed in its root.
type Differ interface {
	Diff(ctx context.Context, container string) ([]Change, error)
}

// ChangeKind is A (added), C (changed) or D (deleted).
type ChangeKind string

// The kinds of change.
const (
	ChangeAdded    ChangeKind = "A"
	ChangeModified ChangeKind = "C"
	ChangeDeleted  ChangeKind = "D"
)

// A Change is one path that differs from the image.
type Change struct {
	Kind ChangeKind `json:"kind"`
	Path string     `json:"path"`
}

// A Committer turns containers into images and archives.
type Committer interface {
	// Commit makes an image of the container's present root.
	Commit(ctx context.Context, container string, opts CommitOptions) (ImageInfo, error)
	// Export writes the container's whole root as a tar stream.
	Export(ctx context.Context, container string, w io.Writer) error
}

// CommitOptions of Committer.Commit.
type CommitOptions struct {
	Ref     string // tag of the new image; may be empty
	Author  string
	Comment string
	// Changes are Dockerfile lines: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL,
	// ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR, HEALTHCHECK.
	Changes []string
	// NoPause lets the container run while its files are read.
	NoPause bool
}

// A SharedVM is one place for several containers, such as a stack's. Backends
// that need none implement it as no-ops. All methods are idempotent.
type SharedVM interface {
	BootSharedVM(ctx context.Context, name string, limits Resources) error
	SharedVMPhase(ctx context.Context, name string) (SharedVMPhase, error)
	ShutdownSharedVM(ctx context.Context, name string) error
}

// CheckpointClass is how much a checkpoint holds.
type CheckpointClass string

// The checkpoint classes.
const (
	CheckpointFiles CheckpointClass = "fs_quick"
	CheckpointFull  CheckpointClass = "vm_full"
)

// A Checkpointer saves a container's state and makes new ones from it.
type Checkpointer interface {
	Checkpoint(ctx context.Context, container, name string, class CheckpointClass) error
	// Restore brings the container back to the checkpoint.
	Restore(ctx context.Context, container, name string) error
	// Fork makes a new, created container from the checkpoint.
	Fork(ctx context.Context, container, name, newName string) (ContainerInfo, error)
}
