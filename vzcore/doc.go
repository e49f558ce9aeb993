// Package vzcore is one virtual machine: its configuration, its states, the
// channel to its guest, shares, saving and restoring.
//
// A [Driver] knows a hypervisor; it opens a [Machine], of which a [VM] allows only
// what fits the machine's [State]. Drivers live in packages of their own: qemu for
// Linux, fake for tests. What not every driver can do is an optional interface of
// its Machine ([Saver], [Sharer], [Grower], [Ballooner]); a VM whose machine lacks it
// answers with an error that matches vzcontract.ErrUnsupported.
package vzcore
