package vzcontract

import (
	"context"
	"io"
	"time"
)

// An Isolator has containers of more than one isolation, of which
// RunConfig.Isolation picks one. The first is that of Identity.Isolation.
type Isolator interface {
	Isolations() []Isolation
}

// CheckIsolation refuses, with ErrUnsupported, a container that wants another
// isolation than the only one of a backend.
func (c *RunConfig) CheckIsolation(only Isolation) error {
	if c.Isolation == "" || c.Isolation == only {
		return nil
	}
	return Errorf(ErrUnsupported, "isolation %s: containers here have isolation %s", c.Isolation, only)
}

// CheckDisk refuses, with ErrUnsupported and the reason, a bound of the disk that a
// backend lacks.
func (c Capabilities) CheckDisk(r Resources) error {
	if why, missing := c.Missing[FeatureDiskLimit]; missing && r.Disk != 0 {
		return Errorf(ErrUnsupported, "a limit of the disk: %s", why)
	}
	return nil
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

// A Mounter gives containers more of the host's files after they were created. What it
// adds is part of ContainerInfo.Mounts and of ContainerInfo.Config.Mounts, so that a
// fork has it too. It stays over stops and restarts, until RemoveMount or the
// container's removal; the files themselves stay where they are.
type Mounter interface {
	// AddMount mounts m in a container. In one that is running or paused it is there
	// when AddMount returns, for the programs that run as for those to come; one that
	// is created or stopped has it from its next start on.
	//
	// m means what it means in RunConfig.Mounts, with the source as the caller sees it:
	// one that is missing is ErrValidation unless CreateSource, ReadOnly holds for what
	// is mounted below the source too, and a target that is missing is made. Links in
	// the target are followed inside the container's root and never out of it. Mounts
	// other than binds are ErrUnsupported. A target that is of the wrong kind for the
	// source, or leads into the container's /proc, is ErrValidation; one at which
	// something is mounted, or which is above another mount and would hide it, is
	// ErrConflict: those of ContainerInfo.Mounts as well as those that every container
	// has, such as /proc, /dev and /etc/hosts.
	//
	// On error nothing is mounted. Where who does it was killed or ctx ended meanwhile,
	// ContainerInfo.Mounts tells what has become of it.
	AddMount(ctx context.Context, container string, m Mount) error
	// RemoveMount takes away what AddMount mounted at target: when it returns no program
	// of the container reaches those files through it. A mount that a program uses, by an
	// open file, a mapping or its working directory, is ErrConflict and stays. No mount
	// there is ErrNotFound; one that the container was created with is ErrConflict.
	RemoveMount(ctx context.Context, container, target string) error
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
	// ONBUILD, SHELL, STOPSIGNAL, USER, VOLUME, WORKDIR, HEALTHCHECK; see package
	// changes.
	Changes []string
	// NoPause lets the container run while its files are read.
	NoPause bool
}

// A SharedVM is one place for several containers, such as a stack's: those whose
// RunConfig.SharedVM has its name, and networks whose NetworkConfig.SharedVM has it.
// Backends that need none implement it as no-ops and take the fields as they are. All
// methods are idempotent.
type SharedVM interface {
	// BootSharedVM makes the machine if there is none and returns when it is ready.
	// limits are those of all its containers together: Memory and NanoCPUs count, and
	// a machine that runs keeps its size. Until the backend is closed or the machine
	// shut down it stays up; after that, as long as one of its containers runs.
	BootSharedVM(ctx context.Context, name string, limits Resources) error
	// SharedVMPhase tells what the machine is now; one that does not exist is
	// PhaseShutdown.
	SharedVMPhase(ctx context.Context, name string) (SharedVMPhase, error)
	// ShutdownSharedVM ends the machine, its containers first. A machine without any
	// container is removed with its networks; else they stay, stopped, and a start of
	// one boots it again.
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
