package fake_test

import (
	"context"
	"fmt"
	"os"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
)

// A program that takes any backend is tried on one in memory.
func Example() {
	ctx := context.Background()
	var b vzcontract.RuntimeBackend = fake.New()
	c, err := b.Create(ctx, vzcontract.RunConfig{Image: fake.Builtin, Args: []string{"echo", "hi"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := b.Start(ctx, c.ID, vzcontract.StartOptions{Attach: &vzcontract.AttachOptions{
		Stdio: vzcontract.Stdio{Out: os.Stdout, Err: os.Stderr},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	exit, err := a.Wait(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("exit code", exit.Code)
	// Output:
	// hi
	// exit code 0
}
