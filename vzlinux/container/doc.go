// Package container runs containers in a Linux guest: a [Runtime] is the contract's
// backend of one guest, spoken to through its agent. What a method means and which
// errors it has is as vzcontract says; a guest that is gone is
// vzcontract.ErrUnavailable.
package container
