package vzlinux

import (
	"context"
	"errors"
	"io"

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
	return a.receive(ctx, w, agentproto.MethodFileRead, req)
}

// WriteFile makes or replaces a file of the guest, which appears when all of r has
// arrived.
func (a *Agent) WriteFile(ctx context.Context, r io.Reader, req agentproto.FileWriteRequest) error {
	return a.send(ctx, r, agentproto.MethodFileWrite, req)
}

// ReadTree writes a tree of the guest as a tar stream to w.
func (a *Agent) ReadTree(ctx context.Context, w io.Writer, path string) error {
	return a.receive(ctx, w, agentproto.MethodTreeRead, agentproto.FileRequest{Path: path})
}

// WriteTree unpacks a tar stream into a directory of the guest.
func (a *Agent) WriteTree(ctx context.Context, r io.Reader, path string) error {
	return a.send(ctx, r, agentproto.MethodTreeWrite, agentproto.FileRequest{Path: path})
}

func (a *Agent) receive(ctx context.Context, w io.Writer, method string, req any) error {
	return a.transfer(ctx, method, req, func(conn agentproto.Conn) error {
		_, err := io.Copy(w, conn)
		return err
	})
}

func (a *Agent) send(ctx context.Context, r io.Reader, method string, req any) error {
	return a.transfer(ctx, method, req, func(conn agentproto.Conn) error {
		_, err := io.Copy(conn, r)
		if err == nil {
			err = conn.CloseWrite()
		}
		return err
	})
}

// transfer moves bulk data and asks how it went: the agent's reason for a broken
// stream is better than the stream's own.
func (a *Agent) transfer(ctx context.Context, method string, req any, move func(agentproto.Conn) error) error {
	var t agentproto.Transfer
	if err := a.client.Call(ctx, method, req, &t); err != nil {
		return err
	}
	conn, err := a.stream(ctx, t.Token)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	moved := move(conn)
	if moved != nil {
		_ = conn.Close()
	}
	err = a.client.Call(ctx, agentproto.MethodTransferWait, agentproto.TransferID{ID: t.ID}, nil)
	stop()
	_ = conn.Close()
	if err != nil && ctx.Err() == nil {
		return err
	}
	return errors.Join(ctx.Err(), moved)
}
