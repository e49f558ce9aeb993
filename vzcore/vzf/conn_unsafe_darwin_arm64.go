package vzf

import (
	"errors"
	"net"
	"reflect"
	"unsafe"

	"github.com/Code-Hex/vz/v3"
)

// A conn is a connection with a guest. The library's own has no half-close.
type conn struct {
	net.Conn
	half          interface{ CloseWrite() error }
	local, remote address
}

// newConn takes over the library's connection.
func newConn(c *vz.VirtioSocketConnection, local, remote address) (*conn, error) {
	inner := inside(c)
	half, ok := inner.(interface{ CloseWrite() error })
	if !ok {
		return nil, errors.Join(errors.New("the connection with the guest has no half-close"), c.Close())
	}
	return &conn{inner, half, local, remote}, nil
}

// inside returns the socket in the library's connection, which keeps it to itself.
// TestLibraryHasTheField watches that it has one, of this name and type.
func inside(c *vz.VirtioSocketConnection) net.Conn {
	field := reflect.ValueOf(c).Elem().FieldByName(rawField)
	if !field.IsValid() || field.Type() != reflect.TypeFor[net.Conn]() {
		return c
	}
	return *(*net.Conn)(unsafe.Pointer(field.UnsafeAddr()))
}

// CloseWrite implements vzcore.Conn.
func (c *conn) CloseWrite() error { return c.half.CloseWrite() }

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr { return c.remote }
