package agentproto

import "vz.internal/vzcontract"

// The methods of a guest that runs containers: those of vzcontract's interfaces,
// one by one. Their types are vzcontract's, with what names a container before.
const (
	MethodImageProvide = "image.provide" // ImageProvide, none: before a container is made of it

	MethodContainerCapabilities = "container.capabilities" // none, vzcontract.Capabilities
	MethodContainerCreate       = "container.create"       // vzcontract.RunConfig, vzcontract.ContainerInfo
	MethodContainerInspect      = "container.inspect"      // Container, vzcontract.ContainerInfo
	MethodContainerList         = "container.list"         // none, []vzcontract.ContainerInfo
	MethodContainerRemove       = "container.remove"       // ContainerRemove, none
	MethodContainerStart        = "container.start"        // ContainerAttach, Attached
	MethodContainerAttach       = "container.attach"       // ContainerAttach, Attached
	MethodContainerStop         = "container.stop"         // ContainerStop, none
	MethodContainerKill         = "container.kill"         // ContainerSignal, none
	MethodContainerWait         = "container.wait"         // ContainerWait, vzcontract.ExitStatus
	MethodContainerExec         = "container.exec"         // ContainerExec, Attached
	MethodContainerPause        = "container.pause"        // Container, none
	MethodContainerResume       = "container.resume"       // Container, none
	MethodContainerRename       = "container.rename"       // ContainerRename, none
	MethodContainerUpdate       = "container.update"       // ContainerUpdate, vzcontract.ContainerInfo
	MethodContainerMount        = "container.mount"        // ContainerMount, none
	MethodContainerUnmount      = "container.unmount"      // ContainerMount, of which the target counts, none
	MethodContainerStats        = "container.stats"        // Container, vzcontract.Stats
	MethodContainerTop          = "container.top"          // Container, []vzcontract.Process
	MethodContainerDiff         = "container.diff"         // Container, []vzcontract.Change
	MethodContainerLogs         = "container.logs"         // ContainerLogs, Transfer: vzcontract.LogEntry, one JSON value a line
	MethodContainerEvents       = "container.events"       // vzcontract.EventOptions, Transfer: vzcontract.Event, likewise
	MethodContainerCopyIn       = "container.copy_in"      // ContainerCopyIn, Transfer: a tar stream
	MethodContainerCopyOut      = "container.copy_out"     // ContainerPath, CopyOut
	MethodContainerStat         = "container.stat"         // ContainerPath, PathStat
	MethodContainerExport       = "container.export"       // Container, Transfer: a tar stream
	MethodContainerCommit       = "container.commit"       // ContainerCommit, Transfer: a frame with a CommitLayer, then a tar stream

	MethodContainerDial = "container.dial" // ContainerDial, Transfer: the connection, as of forward

	MethodContainerCheckpoint = "container.checkpoint" // ContainerCheckpoint, none: its files are on the guest's disk when it is answered
	MethodContainerRestore    = "container.restore"    // ContainerCheckpoint, of which the class does not count, none
	MethodContainerFork       = "container.fork"       // ContainerFork, vzcontract.ContainerInfo

	MethodAttachmentWait   = "attachment.wait"   // Attachment, vzcontract.ExitStatus; once
	MethodAttachmentResize = "attachment.resize" // AttachmentResize, none
	MethodAttachmentSignal = "attachment.signal" // AttachmentSignal, none
	MethodAttachmentCancel = "attachment.cancel" // Attachment, none: kills an exec's tree
	MethodAttachmentClose  = "attachment.close"  // Attachment, none: the workload goes on

	MethodVolumeCreate  = "volume.create"  // vzcontract.VolumeConfig, vzcontract.VolumeInfo
	MethodVolumeList    = "volume.list"    // none, []vzcontract.VolumeInfo
	MethodVolumeInspect = "volume.inspect" // Named, vzcontract.VolumeInfo
	MethodVolumeRemove  = "volume.remove"  // Named, none
	MethodVolumePrune   = "volume.prune"   // VolumePrune, vzcontract.PruneReport

	MethodNetworkCreate     = "network.create"     // vzcontract.NetworkConfig, vzcontract.NetworkInfo
	MethodNetworkList       = "network.list"       // none, []vzcontract.NetworkInfo
	MethodNetworkInspect    = "network.inspect"    // Named, vzcontract.NetworkInfo
	MethodNetworkRemove     = "network.remove"     // Named, none
	MethodNetworkPrune      = "network.prune"      // none, vzcontract.PruneReport
	MethodNetworkConnect    = "network.connect"    // NetworkConnect, none
	MethodNetworkDisconnect = "network.disconnect" // NetworkConnect, none
)

// An ImageProvide tells what an image consists of. The layers are directories of
// the guest, read-only, in the form of vzcontract.RootFS.
type ImageProvide struct {
	Ref    string            `json:"ref"`
	RootFS vzcontract.RootFS `json:"rootfs"`
}

// A Container is a request's container: a name, an id or the beginning of one.
type Container struct {
	Container string `json:"container"`
}

// A Named is a request's volume or network.
type Named struct {
	Name  string `json:"name"`
	Force bool   `json:"force,omitempty"`
}

// A ContainerRemove removes a container.
type ContainerRemove struct {
	Container
	Options vzcontract.RemoveOptions `json:"options"`
}

// ContainerStreams says which streams a request connects; nil is none.
type ContainerStreams struct {
	In   bool                `json:"in,omitempty"`
	Out  bool                `json:"out,omitempty"`
	Err  bool                `json:"err,omitempty"`
	Size vzcontract.TermSize `json:"size,omitzero"`
}

// A ContainerAttach starts a container or connects with one that runs.
type ContainerAttach struct {
	Container
	Streams *ContainerStreams `json:"streams,omitempty"`
}

// Attached is a connection to a workload's streams, with a token for each. It ends
// with the control connection, the workload does not. ID is 0 if nothing was
// attached.
type Attached struct {
	ID     uint64 `json:"id,omitempty"`
	Exec   string `json:"exec,omitempty"` // id of an exec
	Stdin  *Token `json:"stdin,omitempty"`
	Stdout *Token `json:"stdout,omitempty"`
	Stderr *Token `json:"stderr,omitempty"`
}

// An Attachment names what Attached has begun.
type Attachment struct {
	ID uint64 `json:"id"`
}

// An AttachmentResize sets the size of its terminal.
type AttachmentResize struct {
	Attachment
	Size vzcontract.TermSize `json:"size"`
}

// An AttachmentSignal sends its workload a signal.
type AttachmentSignal struct {
	Attachment
	Signal string `json:"signal"`
}

// A ContainerStop stops a container.
type ContainerStop struct {
	Container
	Options vzcontract.StopOptions `json:"options"`
}

// A ContainerSignal sends its workload a signal.
type ContainerSignal struct {
	Container
	Signal string `json:"signal"`
}

// A ContainerWait waits for a condition.
type ContainerWait struct {
	Container
	Condition vzcontract.WaitCondition `json:"condition"`
}

// A ContainerExec runs a further program.
type ContainerExec struct {
	Container
	Config  vzcontract.ExecConfig `json:"config"`
	Streams ContainerStreams      `json:"streams"`
}

// A ContainerRename gives a container another name.
type ContainerRename struct {
	Container
	Name string `json:"name"`
}

// A ContainerMount adds a bind of the guest's files to a container, or takes it away.
type ContainerMount struct {
	Container
	Mount vzcontract.Mount `json:"mount"`
}

// A ContainerUpdate changes limits and restart policy.
type ContainerUpdate struct {
	Container
	Change vzcontract.UpdateConfig `json:"change"`
}

// A ContainerCheckpoint names a checkpoint of a container.
type ContainerCheckpoint struct {
	Container
	Name  string                     `json:"name"`
	Class vzcontract.CheckpointClass `json:"class,omitempty"`
}

// A ContainerFork makes a container from a checkpoint of another: of NewName and else
// as that one, or, with a Config, as this says.
type ContainerFork struct {
	ContainerCheckpoint
	NewName string                `json:"new_name,omitempty"`
	Config  *vzcontract.RunConfig `json:"config,omitempty"`
}

// A ContainerLogs reads what a container wrote.
type ContainerLogs struct {
	Container
	Options vzcontract.LogOptions `json:"options"`
}

// A ContainerCopyIn unpacks the transfer's tar stream into a directory.
type ContainerCopyIn struct {
	ContainerPath
	Options vzcontract.CopyInOptions `json:"options"`
}

// A ContainerDial connects to a TCP port in the container's network namespace.
type ContainerDial struct {
	Container
	Port uint16 `json:"port"`
}

// CopyOut is what a path is, and its tar stream.
type CopyOut struct {
	Transfer
	Stat PathStat `json:"stat"`
}

// A ContainerCommit makes a layer of what a container changed.
type ContainerCommit struct {
	Container
	Options vzcontract.CommitOptions `json:"options"`
}

// A CommitLayer is a vzcontract.CommitLayerRequest without the layer.
type CommitLayer struct {
	Base      string                 `json:"base"`
	Ref       string                 `json:"ref"`
	Author    string                 `json:"author,omitempty"`
	Comment   string                 `json:"comment,omitempty"`
	CreatedBy string                 `json:"created_by,omitempty"`
	Config    vzcontract.ImageConfig `json:"config"`
}

// A VolumePrune removes unused volumes, with All also those that have a name.
type VolumePrune struct {
	All bool `json:"all,omitempty"`
}

// A NetworkConnect joins a container to a network, or takes it off.
type NetworkConnect struct {
	Container
	At vzcontract.NetworkAttach `json:"at"`
}

// MaxLogLine bounds one JSON value in the transfers of logs and events.
const MaxLogLine = 4 << 20

// A ContainerWarm says what kind of network the containers will have: "bridge", or
// "host" for the guest's own, in which then nothing is left behind.
type ContainerWarm struct {
	NetworkMode string `json:"network_mode"`
}
