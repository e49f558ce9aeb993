package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative"
)

func main() {
	t0 := time.Now()
	if os.Args[1] == "internal" {
		os.Exit(vzlinuxnative.MonitorMain(os.Args[3:]))
	}
	ctx := context.Background()
	home := os.Getenv("H")
	b, err := vzlinuxnative.Open(vzlinuxnative.Options{Home: home, Run: home + "/run"})
	if err != nil {
		panic(err)
	}
	switch os.Args[1] {
	case "run":
		cfg := vzcontract.RunConfig{Rootfs: os.Args[2], Args: os.Args[3:], NetworkMode: os.Getenv("NET"), AutoRemove: os.Getenv("RM") != ""}
		info, err := b.Create(ctx, cfg)
		if err != nil {
			panic(err)
		}
		t1 := time.Now()
		att, err := b.Start(ctx, info.ID, vzcontract.StartOptions{Attach: &vzcontract.AttachOptions{Stdio: vzcontract.Stdio{Out: os.Stdout, Err: os.Stderr}}})
		if err != nil {
			panic(err)
		}
		t2 := time.Now()
		exit, err := att.Wait(ctx)
		if err != nil {
			panic(err)
		}
		t3 := time.Now()
		if os.Getenv("RM") != "" {
			b.Wait(ctx, info.ID, vzcontract.WaitRemoved)
		}
		if os.Getenv("T") != "" {
			fmt.Fprintln(os.Stderr, "create", t1.Sub(t0), "start", t2.Sub(t1), "wait", t3.Sub(t2), "rm", time.Since(t3))
		}
		os.Exit(exit.Code)
	case "start":
		n, _ := strconv.Atoi(os.Args[4])
		for range n {
			cfg := vzcontract.RunConfig{Rootfs: os.Args[2], Args: []string{"sleep", "1000"}, NetworkMode: os.Getenv("NET"), Name: os.Args[3]}
			info, err := b.Create(ctx, cfg)
			if err != nil {
				panic(err)
			}
			if _, err := b.Start(ctx, info.ID, vzcontract.StartOptions{}); err != nil {
				panic(err)
			}
		}
	case "exec":
		s, err := b.Exec(ctx, os.Args[2], vzcontract.ExecConfig{Args: os.Args[3:], Stdio: vzcontract.Stdio{Out: os.Stdout, Err: os.Stderr}})
		if err != nil {
			panic(err)
		}
		exit, err := s.Wait(ctx)
		if err != nil {
			panic(err)
		}
		os.Exit(exit.Code)
	case "rm":
		l, _ := b.List(ctx)
		for _, c := range l {
			if err := b.Remove(ctx, c.ID, vzcontract.RemoveOptions{Force: true}); err != nil {
				fmt.Println(err)
			}
		}
	case "ps":
		l, _ := b.List(ctx)
		for _, c := range l {
			fmt.Println(c.ID[:12], c.Name, c.State, c.PID, c.Orphaned, c.Exit, c.Error)
		}
	}
}
