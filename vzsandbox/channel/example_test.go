package channel_test

import (
	"context"
	"errors"
	"fmt"
	"net"

	"vz.internal/vzcontract"
	"vz.internal/vzsandbox/channel"
)

type request struct{ Name string }

type response struct{ Greeting string }

func greet(_ context.Context, r request) (response, error) {
	if r.Name == "" {
		return response{}, vzcontract.Errorf(vzcontract.ErrValidation, "greet: the name is empty")
	}
	return response{Greeting: "hello " + r.Name}, nil
}

// The two sides are mostly a program on the host and one in the sandbox; here they are
// one program.
func Example() {
	host, guest := net.Pipe()
	go channel.Serve(context.Background(), guest, greet)

	c := channel.New[request, response](host)
	defer c.Close()
	r, err := c.Call(context.Background(), request{Name: "world"})
	fmt.Println(r.Greeting, err)
	_, err = c.Call(context.Background(), request{})
	fmt.Println(err, errors.Is(err, vzcontract.ErrValidation))
	// Output:
	// hello world <nil>
	// greet: the name is empty true
}
