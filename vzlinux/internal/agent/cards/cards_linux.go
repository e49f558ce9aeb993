package cards

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/internal/agent/system"
	"vz.internal/vzlinuxnative/network/card"
)

// applyTime is how long a card that was just plugged may take to appear.
const applyTime = 30 * time.Second

// Cards are those of the guest. The zero value is ready to use; methods are safe for
// concurrent use.
type Cards struct {
	mu    sync.Mutex
	rules card.Rules // guarded by mu
	had   bool       // guarded by mu: there were cards
	relay uint16     // guarded by mu: port that relays connections, 0 before there is one
}

// NetworkFiles writes the files that the container's are mounted from.
func (c *Cards) NetworkFiles(in agentproto.NetworkFiles) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := os.MkdirAll(agentproto.NetworkDir, 0o755); err != nil {
		return err
	}
	var errs []error
	for name, text := range map[string]string{"hosts": in.Hosts, "hostname": in.Hostname, "resolv.conf": in.Resolv} {
		errs = append(errs, overwrite(filepath.Join(agentproto.NetworkDir, name), text))
	}
	return errors.Join(errs...)
}

// overwrite makes text the content of a file, which a reader never finds empty.
func overwrite(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Truncate(int64(len(text)))
	}
	return errors.Join(err, f.Close())
}

// NetworkCards configures the guest's cards.
func (c *Cards) NetworkCards(ctx context.Context, in agentproto.NetworkCards) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if in.Hostname != "" {
		if err := system.SetHostname(in.Hostname); err != nil {
			return err
		}
	}
	c.had = c.had || len(in.Cards) > 0 || card.Any()
	if c.had { // else there is nothing to configure, nor to redirect
		applying, cancel := context.WithTimeout(ctx, applyTime)
		defer cancel()
		if err := card.Apply(applying, in.Cards); err != nil {
			return err
		}
	}
	// Some parameters are an interface's.
	for name, value := range in.Sysctls {
		if err := setSysctl(name, value); err != nil {
			return err
		}
	}
	if !c.had {
		return nil
	}
	return c.redirect(in.Names, in.Relay, in.Direct)
}

// redirect has the kernel send to the host what the host answers. What listens once
// goes on until the guest ends.
func (c *Cards) redirect(names, relay bool, direct []netip.Prefix) (err error) {
	next := c.rules
	if names && !next.Listener.IsValid() {
		if next.Listener, err = relayNames(); err != nil {
			return fmt.Errorf("listen for names: %w", err)
		}
		c.rules.Listener = next.Listener
	}
	if next.Relay, next.Direct = 0, nil; relay {
		if c.relay == 0 {
			if c.relay, err = relayConnections(); err != nil {
				return fmt.Errorf("relay the container's connections: %w", err)
			}
		}
		next.Relay, next.Direct = c.relay, direct
	}
	c.rules = next
	return next.Install()
}

// setSysctl sets a parameter of the network. As for sysctl(8), the first separator
// tells which of "." and "/" separates, so that names of interfaces may have dots.
func setSysctl(name, value string) error {
	path := name
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '.' {
		path = strings.NewReplacer(".", "/", "/", ".").Replace(name)
	}
	if !strings.HasPrefix(path, "net/") || !filepath.IsLocal(path) || strings.ContainsRune(path, 0) {
		return vzcontract.Errorf(vzcontract.ErrValidation, "sysctl %q is none of the network", name)
	}
	if err := os.WriteFile(filepath.Join("/proc/sys", path), []byte(value), 0); err != nil {
		return vzcontract.Errorf(vzcontract.ErrValidation, "set sysctl %s: %w", name, err)
	}
	return nil
}
