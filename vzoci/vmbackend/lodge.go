package vmbackend

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"syscall"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// lodge makes r the record of a container in the shared machine of that name.
func (b *Backend) lodge(r *guest.Record, name string) error {
	if err := refuseShared(r.Config); err != nil {
		return err
	}
	machine, err := b.store.Shared(name)
	if errors.Is(err, vzcontract.ErrNotFound) {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "there is no shared machine %q: it is booted first", name)
	}
	if err != nil {
		return err
	}
	r.In = machine.ID
	r.Run.SharedVM = ""
	r.Run.Annotations = maps.Clone(r.Run.Annotations)
	if r.Run.Annotations == nil {
		r.Run.Annotations = map[string]string{}
	}
	r.Run.Annotations[guest.Annotation] = string(r.ID)
	return nil
}

// refuseShared refuses what a container of a shared machine cannot have.
func refuseShared(cfg vzcontract.RunConfig) error {
	no := func(what string) error {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "%s: the container lives in a virtual machine", what)
	}
	if cfg.NetworkMode == "host" {
		return no("the host's network")
	}
	ns := cfg.Namespaces
	for what, mode := range map[string]string{"pid": ns.PID, "ipc": ns.IPC, "uts": ns.UTS, "cgroup": ns.Cgroup} {
		if mode == "host" {
			return no("the host's " + what + " namespace")
		}
	}
	switch {
	case cfg.Egress != nil:
		return vzcontract.Errorf(vzcontract.ErrUnsupported,
			"egress policy: the networks of a shared machine are those of its guest, which the host does not see into; give the container a machine of its own")
	case ns.User != "" && ns.User != "host":
		return no("user namespace " + ns.User)
	case len(cfg.Devices) > 0:
		return no("devices of the host")
	case cfg.Resources.Disk > 0:
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "a limit of the disk: containers of a shared machine share its disk; give the container a machine of its own")
	case ns.CgroupParent != "":
		return no("a cgroup of the host")
	}
	return nil
}

// sharedEntry names an entry of a shared machine after what it is, so that containers
// with the same layers share them, and one that was replaced is another one.
func sharedEntry(source string, readOnly bool) config.Entry {
	id := fmt.Sprintf("%s %t", source, readOnly)
	if info, err := os.Stat(source); err == nil { // else its adding fails, and says why
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			id += fmt.Sprintf(" %d %d", st.Dev, st.Ino)
		}
	}
	sum := sha256.Sum256([]byte(id))
	return config.Entry{Name: "s" + hex.EncodeToString(sum[:12]), Source: source, ReadOnly: readOnly}
}

// evict removes the record of a container of a shared machine, and has a machine that
// runs take back what the container had.
func (b *Backend) evict(ctx context.Context, r guest.Record) error {
	for wait := firstTry; ; wait = min(2*wait, lastTry) {
		err := b.tryEvict(ctx, r)
		if !errors.Is(err, vzcontract.ErrConflict) {
			return errors.Join(err, b.endLeases(ctx))
		}
		select { // it boots or ends
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *Backend) tryEvict(ctx context.Context, r guest.Record) error {
	c, release, err := b.reach(ctx, r.In)
	if err == nil {
		defer release()
		err = c.control.Call(ctx, guest.MethodDismiss, guest.Of{Record: r.ID}, nil)
		if errors.Is(err, vzcontract.ErrNotFound) { // it was never admitted
			return b.store.Remove(r.ID)
		}
		if errors.Is(err, vzcontract.ErrUnavailable) {
			return vzcontract.Errorf(vzcontract.ErrConflict, "%w", err)
		}
		return err
	}
	if !errors.Is(err, vzcontract.ErrConflict) {
		return err
	}
	lock, err := b.store.TryLock(r.In)
	if errors.Is(err, vzcontract.ErrNotFound) {
		return b.store.Remove(r.ID)
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	return b.store.Remove(r.ID)
}

// unknownNetwork says of a network that a guest does not know whose it may be.
func unknownNetwork(err error, machine string) error {
	if errors.Is(err, vzcontract.ErrNotFound) && strings.Contains(err.Error(), "network") {
		return fmt.Errorf("%w; containers of the shared machine %s are on networks of that machine alone", err, machine)
	}
	return err
}
