package vzlinux

import (
	"context"
	"errors"
	"io"
	"sync"

	"vz.internal/vzlinux/agentproto"
)

// Stat describes a file of the guest without following a symbolic link.
func (a *Agent) Stat(ctx context.Context, path string) (agentproto.FileInfo, error) {
	var info agentproto.FileInfo
	return info, a.client.Call(ctx, agentproto.MethodFileStat, agentproto.FileRequest{Path: path}, &info)
}

// List describes what is in a directory of the guest.
func (a *Agent) List(ctx context.Context, path string) (agentproto.FileListing, error) {
	var listing agentproto.FileListing
	return listing, a.client.Call(ctx, agentproto.MethodFileList, agentproto.FileRequest{Path: path}, &listing)
}

// Mkdir makes a directory in the guest.
func (a *Agent) Mkdir(ctx context.Context, req agentproto.MkdirRequest) error {
	return a.client.Call(ctx, agentproto.MethodFileMkdir, req, nil)
}

// Remove removes a file, an empty directory or a tree of the guest.
func (a *Agent) Remove(ctx context.Context, req agentproto.RemoveRequest) error {
	return a.client.Call(ctx, agentproto.MethodFileRemove, req, nil)
}

// Rename moves a file within one file system of the guest.
func (a *Agent) Rename(ctx context.Context, from, to string) error {
	return a.client.Call(ctx, agentproto.MethodFileRename, agentproto.RenameRequest{From: from, To: to}, nil)
}

// ReadFile copies a file of the guest to w.
func (a *Agent) ReadFile(ctx context.Context, w io.Writer, req agentproto.FileRequest) error {
	return a.Receive(ctx, agentproto.MethodFileRead, req, copyTo(w))
}

// WriteFile makes or replaces a file of the guest, which appears when all of r has
// arrived.
func (a *Agent) WriteFile(ctx context.Context, r io.Reader, req agentproto.FileWriteRequest) error {
	return a.Send(ctx, r, agentproto.MethodFileWrite, req)
}

// ReadTree writes a tree of the guest as a tar stream to w.
func (a *Agent) ReadTree(ctx context.Context, w io.Writer, path string) error {
	return a.Receive(ctx, agentproto.MethodTreeRead, agentproto.FileRequest{Path: path}, copyTo(w))
}

// WriteTree unpacks a tar stream into a directory of the guest.
func (a *Agent) WriteTree(ctx context.Context, r io.Reader, path string) error {
	return a.Send(ctx, r, agentproto.MethodTreeWrite, agentproto.FileRequest{Path: path})
}

func copyTo(w io.Writer) func(io.Reader) error {
	return func(stream io.Reader) error {
		_, err := io.Copy(w, stream)
		return err
	}
}

// Receive sends a request that a transfer to the host answers, and has take read
// it. The stream ends with io.EOF only if the agent has sent all of it, else with
// the agent's reason.
func (a *Agent) Receive(ctx context.Context, method string, req any, take func(stream io.Reader) error) error {
	return a.transfer(ctx, method, req, func(conn agentproto.Conn, outcome func() error) error {
		return take(&incoming{conn: conn, outcome: outcome})
	})
}

// An incoming stream knows its transfer's outcome.
type incoming struct {
	conn    io.Reader
	outcome func() error
}

// Read implements io.Reader.
func (i *incoming) Read(p []byte) (int, error) {
	n, err := i.conn.Read(p)
	if errors.Is(err, io.EOF) {
		if failure := i.outcome(); failure != nil {
			return n, failure
		}
	}
	return n, err
}

// Send sends a request that a transfer to the guest answers, and all of r in it.
func (a *Agent) Send(ctx context.Context, r io.Reader, method string, req any) error {
	return a.transfer(ctx, method, req, func(conn agentproto.Conn, _ func() error) error {
		_, err := io.Copy(conn, r)
		if err == nil {
			err = conn.CloseWrite()
		}
		return err
	})
}

// transfer moves bulk data and asks how it went: the agent's reason for a broken
// stream is better than the stream's own.
func (a *Agent) transfer(ctx context.Context, method string, req any, move func(conn agentproto.Conn, outcome func() error) error) error {
	var t agentproto.Transfer
	if err := a.client.Call(ctx, method, req, &t); err != nil {
		return err
	}
	conn, err := a.Stream(ctx, t.Token)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	outcome := sync.OnceValue(func() error {
		return a.client.Call(ctx, agentproto.MethodTransferWait, agentproto.TransferID{ID: t.ID}, nil)
	})
	moved := move(conn, outcome)
	if moved != nil {
		_ = conn.Close()
	}
	err = outcome()
	stop()
	_ = conn.Close()
	if err != nil && ctx.Err() == nil {
		return err
	}
	return errors.Join(ctx.Err(), moved)
}
