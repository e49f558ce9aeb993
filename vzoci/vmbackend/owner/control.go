package owner

import (
	"context"
	"encoding/json"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// handle does a request of the control socket.
func (o *owner) handle(ctx context.Context, method string, body json.RawMessage) (any, error) {
	switch method {
	case guest.MethodStop:
		return o.handleStop(body)
	case guest.MethodAdmit:
		var req guest.Of
		if err := parse(body, &req); err != nil {
			return nil, err
		}
		return struct{}{}, o.admit(ctx, req.Record)
	case guest.MethodCopyDisk:
		var req guest.CopyDisk
		if err := parse(body, &req); err != nil {
			return nil, err
		}
		return struct{}{}, o.copyDisk(ctx, req.To)
	}
	var req guest.Attach // or what it has in common with the other requests
	if err := parse(body, &req); err != nil {
		return nil, err
	}
	c, err := o.of(req.Record)
	if err != nil {
		return nil, err
	}
	switch method {
	case guest.MethodRefresh:
		return o.refresh(ctx, c)
	case guest.MethodPublish:
		return struct{}{}, o.publish(ctx, c)
	case guest.MethodWithdraw:
		return struct{}{}, o.withdraw(ctx, c)
	case guest.MethodConnect:
		return struct{}{}, o.connect(ctx, c, req.At)
	case guest.MethodDisconnect:
		return struct{}{}, o.disconnect(ctx, c, req.At.Network)
	case guest.MethodMount, guest.MethodUnmount:
		return struct{}{}, o.changeMounts(ctx, c, method, body)
	case guest.MethodTraffic:
		return o.net.traffic()
	case guest.MethodGone:
		select {
		case <-c.gone:
			return struct{}{}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case guest.MethodDismiss:
		if !o.grows() {
			return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "the container goes with its machine")
		}
		o.dismiss(ctx, c)
		c.leave()
		return struct{}{}, nil
	}
	return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "the request %q", method)
}

func (o *owner) changeMounts(ctx context.Context, c *contained, method string, body json.RawMessage) error {
	var req guest.Mount
	if err := parse(body, &req); err != nil {
		return err
	}
	if method == guest.MethodMount {
		return o.mount(ctx, c, req.Added)
	}
	return o.unmount(ctx, c, req.Mount.Target)
}

func (o *owner) handleStop(body json.RawMessage) (any, error) {
	var req guest.Stop
	if err := parse(body, &req); err != nil {
		return nil, err
	}
	select {
	case o.stop <- req.Force:
	default: // it is stopping
	}
	// The machine's end ends this process too, and the request's context with it.
	_ = o.vm.Wait(context.Background()) // however it ended
	return struct{}{}, nil
}

func parse(body json.RawMessage, req any) error {
	if err := json.Unmarshal(body, req); err != nil {
		return vzcontract.Errorf(vzcontract.ErrValidation, "parse the request: %v", err)
	}
	return nil
}
