package agentproto

// The methods of revision 1. Each names the types of its request and answer;
// "none" is an empty object.
const (
	MethodPing = "ping" // none, none

	MethodInfo     = "system.info"     // none, SystemInfo
	MethodStats    = "system.stats"    // none, Stats
	MethodClock    = "system.clock"    // ClockRequest, none
	MethodShutdown = "system.shutdown" // ShutdownRequest, none; the guest ends after the answer
	MethodFreeze   = "system.freeze"   // none, none: before a save
	MethodThaw     = "system.thaw"     // ThawRequest, none: after a save or a restore

	MethodExecStart  = "exec.start"  // ExecRequest, ExecStarted
	MethodExecWait   = "exec.wait"   // ExecID, ExecStatus
	MethodExecSignal = "exec.signal" // SignalRequest, none
	MethodExecResize = "exec.resize" // ResizeRequest, none
	MethodExecKill   = "exec.kill"   // ExecID, none: the whole tree

	MethodFileRead     = "file.read"     // FileRequest, Transfer: the bytes of one file
	MethodFileWrite    = "file.write"    // FileWriteRequest, Transfer
	MethodFileStat     = "file.stat"     // FileRequest, FileInfo
	MethodFileList     = "file.list"     // FileRequest, FileListing
	MethodFileMkdir    = "file.mkdir"    // MkdirRequest, none
	MethodFileRemove   = "file.remove"   // RemoveRequest, none
	MethodFileRename   = "file.rename"   // RenameRequest, none
	MethodTreeRead     = "tree.read"     // FileRequest, Transfer: a tar stream with owners and xattrs
	MethodTreeWrite    = "tree.write"    // FileRequest, Transfer: the same, unpacked below the path
	MethodTransferWait = "transfer.wait" // TransferID, TransferStatus

	MethodForward = "forward.open" // ForwardRequest, Transfer

	MethodMount   = "mount.add"     // MountRequest, none
	MethodUnmount = "mount.remove"  // FileRequest, none
	MethodHold    = "mount.hold"    // FileRequest, none: all of the file system at a path is on its disk, and none of it changes until it is released
	MethodRelease = "mount.release" // FileRequest, none
	MethodEject   = "device.eject"  // EjectRequest, none

	MethodNetworkUp   = "network.up"   // NetworkRequest, none
	MethodNetworkDown = "network.down" // NetworkRequest, none; only the interface counts

	MethodNetworkFiles = "network.files" // NetworkFiles, none
	MethodNetworkCards = "network.cards" // NetworkCards, none
)

// The method of a guest that is about to be saved, for others to start from.
const MethodContainerWarm = "container.warm" // ContainerWarm, none: run and remove a container, be ready for the start of another

// What an agent may be able to do, as [Hello] lists it.
const (
	CapabilityInit       = "init"       // it is the guest's first program
	CapabilityContainers = "containers" // it runs OCI containers
)
