package vzf

import (
	"errors"
	"net"

	"github.com/Code-Hex/vz/v3"

	"vz.internal/vzcore"
)

// An appleGuest is a guest of Virtualization.framework.
type appleGuest struct {
	vm   *vz.VirtualMachine
	cfg  *vz.VirtualMachineConfiguration
	name []byte
}

func (g *appleGuest) next(until <-chan struct{}) (phase, bool) {
	select {
	case s := <-g.vm.StateChangedNotify(): // which keeps all states until somebody asks
		switch s {
		case vz.VirtualMachineStateStopped:
			return phaseStopped, true
		case vz.VirtualMachineStateError:
			return phaseFailed, true
		}
		return phaseLive, true
	case <-until:
		return phaseStopped, false
	}
}

func (g *appleGuest) start() error     { return translateError(g.vm.Start()) }
func (g *appleGuest) pause() error     { return translateError(g.vm.Pause()) }
func (g *appleGuest) resume() error    { return translateError(g.vm.Resume()) }
func (g *appleGuest) stop() error      { return translateError(g.vm.Stop()) }
func (g *appleGuest) identity() []byte { return g.name }

func (g *appleGuest) requestStop() error {
	_, err := g.vm.RequestStop()
	return translateError(err)
}

func (g *appleGuest) savable() error {
	ok, err := g.cfg.ValidateSaveRestoreSupport()
	if err == nil && !ok {
		err = errors.New("it does not say why")
	}
	return translateError(err)
}

func (g *appleGuest) save(path string) error {
	return translateError(g.vm.SaveMachineStateToPath(path))
}

func (g *appleGuest) restore(path string) error {
	return translateError(g.vm.RestoreMachineStateFromURL(path))
}

func (g *appleGuest) socket() (*vz.VirtioSocketDevice, error) {
	all := g.vm.SocketDevices()
	if len(all) == 0 {
		return nil, errors.New("the machine has no vsock device")
	}
	return all[0], nil
}

func (g *appleGuest) connect(port uint32) (vzcore.Conn, error) {
	device, err := g.socket()
	if err != nil {
		return nil, err
	}
	c, err := device.Connect(port)
	if err != nil {
		return nil, translateError(err)
	}
	return newConn(c, address{hostCID, c.SourcePort()}, address{guestCID, port})
}

func (g *appleGuest) listen(port uint32) (net.Listener, error) {
	device, err := g.socket()
	if err != nil {
		return nil, err
	}
	l, err := device.Listen(port)
	if err != nil {
		return nil, translateError(err)
	}
	return appleListener{l, port}, nil
}

// An appleListener gives its connections a half-close.
type appleListener struct {
	*vz.VirtioSocketListener
	port uint32
}

// Accept implements net.Listener. One that cannot be used is not the end of the others.
func (l appleListener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptVirtioSocketConnection()
		if err != nil {
			continue
		}
		if conn, err := newConn(c, address{hostCID, l.port}, address{guestCID, c.SourcePort()}); err == nil {
			return conn, nil
		}
	}
}

func (g *appleGuest) setMemory(bytes uint64) error {
	for _, b := range g.vm.MemoryBalloonDevices() {
		if balloon := vz.AsVirtioTraditionalMemoryBalloonDevice(b); balloon != nil {
			balloon.SetTargetVirtualMachineMemorySize(bytes)
			return nil
		}
	}
	return errors.New("the machine has no balloon")
}
