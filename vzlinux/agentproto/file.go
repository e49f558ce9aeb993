package agentproto

import "time"

// A FileRequest names a file or directory by its absolute path in the guest.
type FileRequest struct {
	Path   string `json:"path"`
	Offset int64  `json:"offset,omitempty"` // file.read: where to start
	Limit  int64  `json:"limit,omitempty"`  // file.read: at most so many bytes; 0 is all
}

// A FileWriteRequest replaces or makes a file. It appears under its name when all
// of it has arrived.
type FileWriteRequest struct {
	Path string `json:"path"`
	Mode uint32 `json:"mode"` // permission bits
	UID  int    `json:"uid,omitempty"`
	GID  int    `json:"gid,omitempty"`
}

// A Transfer is bulk data under way. Its outcome is told by transfer.wait.
type Transfer struct {
	ID    uint64 `json:"id"`
	Token Token  `json:"token"`
}

// A TransferID names a transfer.
type TransferID struct {
	ID uint64 `json:"id"`
}

// TransferStatus is how a transfer ended that did not fail.
type TransferStatus struct {
	Bytes int64 `json:"bytes"`
}

// FileInfo describes a file without following a symbolic link.
type FileInfo struct {
	Name   string    `json:"name"`
	Kind   string    `json:"kind"` // file, directory, symlink, device, pipe, socket
	Size   int64     `json:"size"`
	Mode   uint32    `json:"mode"` // permission bits with setuid, setgid, sticky as Unix has them
	UID    uint32    `json:"uid"`
	GID    uint32    `json:"gid"`
	Time   time.Time `json:"time"`
	Target string    `json:"target,omitempty"` // of a symbolic link
}

// A FileListing is a directory's content, sorted by name. At most 100 000 entries
// are listed; More says that there are others.
type FileListing struct {
	Entries []FileInfo `json:"entries"`
	More    bool       `json:"more,omitempty"`
}

// A MkdirRequest makes a directory.
type MkdirRequest struct {
	Path    string `json:"path"`
	Mode    uint32 `json:"mode"`
	Parents bool   `json:"parents,omitempty"`
}

// A RemoveRequest removes a file, an empty directory or, if Tree is set, all of it.
type RemoveRequest struct {
	Path string `json:"path"`
	Tree bool   `json:"tree,omitempty"`
}

// A RenameRequest moves a file within one file system.
type RenameRequest struct {
	From string `json:"from"`
	To   string `json:"to"`
}
