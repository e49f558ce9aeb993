package container

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// Logs implements vzcontract.Logger.
func (r *Runtime) Logs(ctx context.Context, container string, opts vzcontract.LogOptions, emit func(vzcontract.LogEntry) error) error {
	return values(ctx, r, agentproto.MethodContainerLogs, agentproto.ContainerLogs{Container: named(container), Options: opts}, emit)
}

// Events implements vzcontract.EventSource.
func (r *Runtime) Events(ctx context.Context, opts vzcontract.EventOptions, emit func(vzcontract.Event) error) error {
	return values(ctx, r, agentproto.MethodContainerEvents, opts, emit)
}

// values calls emit for each line of a transfer, until its end or emit's error.
func values[T any](ctx context.Context, r *Runtime, method string, req any, emit func(T) error) error {
	var stopped error
	err := r.agent.Receive(ctx, method, req, func(stream io.Reader) error {
		lines := bufio.NewScanner(stream)
		lines.Buffer(make([]byte, 0, 64<<10), agentproto.MaxLogLine)
		for lines.Scan() {
			var v T
			if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
				stopped = vzcontract.Errorf(vzcontract.ErrInternal, "parse what the guest sent: %v", err)
				return stopped
			}
			if stopped = emit(v); stopped != nil {
				return stopped
			}
		}
		return lines.Err()
	})
	switch {
	case stopped != nil:
		return stopped
	case ctx.Err() != nil:
		return ended(ctx)
	}
	return err
}

// CopyIn implements vzcontract.Copier.
func (r *Runtime) CopyIn(ctx context.Context, container, dir string, tar io.Reader, opts vzcontract.CopyInOptions) error {
	req := agentproto.ContainerCopyIn{ContainerPath: located(container, dir), Options: opts}
	return r.agent.Send(ctx, tar, agentproto.MethodContainerCopyIn, req)
}

// StatPath implements vzcontract.Copier.
func (r *Runtime) StatPath(ctx context.Context, container, path string) (vzcontract.PathStat, error) {
	stat, err := call[agentproto.PathStat](ctx, r, agentproto.MethodContainerStat, located(container, path))
	return stat.Stat(), err
}

// CopyOut implements vzcontract.Copier.
func (r *Runtime) CopyOut(ctx context.Context, container, path string) (io.ReadCloser, vzcontract.PathStat, error) {
	out, err := call[agentproto.CopyOut](ctx, r, agentproto.MethodContainerCopyOut, located(container, path))
	if err != nil {
		return nil, vzcontract.PathStat{}, err
	}
	conn, err := r.agent.Stream(ctx, out.Token)
	if err != nil {
		return nil, vzcontract.PathStat{}, err
	}
	return &outcome{Conn: conn, ctx: ctx, runtime: r, id: out.ID}, out.Stat.Stat(), nil
}

// An outcome is a stream whose end is that of a transfer.
type outcome struct {
	agentproto.Conn
	ctx     context.Context //nolint:containedctx // of the call that the stream belongs to
	runtime *Runtime
	id      uint64
}

// Read implements io.Reader. At the end of the stream it asks whether that was all.
func (o *outcome) Read(p []byte) (int, error) {
	n, err := o.Conn.Read(p)
	if !errors.Is(err, io.EOF) || o.id == 0 {
		return n, err
	}
	id := o.id
	o.id = 0
	if failure := o.runtime.agent.Call(o.ctx, agentproto.MethodTransferWait, agentproto.TransferID{ID: id}, nil); failure != nil {
		return n, failure
	}
	return n, io.EOF
}

// Export implements vzcontract.Committer.
func (r *Runtime) Export(ctx context.Context, container string, w io.Writer) error {
	return r.agent.Receive(ctx, agentproto.MethodContainerExport, named(container), func(stream io.Reader) error {
		_, err := io.Copy(w, stream)
		return err
	})
}

// Commit implements vzcontract.Committer. The guest makes the layer, Options.Images
// the image.
func (r *Runtime) Commit(ctx context.Context, container string, opts vzcontract.CommitOptions) (vzcontract.ImageInfo, error) {
	var info vzcontract.ImageInfo
	if r.opts.Images == nil {
		return info, vzcontract.Errorf(vzcontract.ErrUnsupported, "commit: "+noCommit)
	}
	req := agentproto.ContainerCommit{Container: named(container), Options: opts}
	err := r.agent.Receive(ctx, agentproto.MethodContainerCommit, req, func(stream io.Reader) error {
		frame, err := agentproto.ReadFrame(stream, agentproto.MaxFrame)
		if err != nil {
			return err
		}
		var head agentproto.CommitLayer
		if err := json.Unmarshal(frame, &head); err != nil {
			return err
		}
		info, err = r.opts.Images.CommitLayer(ctx, vzcontract.CommitLayerRequest{
			Base: head.Base, Ref: head.Ref, Author: head.Author, Comment: head.Comment, CreatedBy: head.CreatedBy, Config: head.Config, Layer: stream,
		})
		return err
	})
	return info, err
}
