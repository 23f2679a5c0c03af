// Command supervisor is PID 1 of a development container, and is used nowhere else. It runs a program and restarts it on
// request, usually from a file that has been replaced in the meantime. That takes a few milliseconds, while restarting a
// container takes a few hundred.
//
//	supervisor [-grace DURATION] [-stop SIGNAL] [-receive FOLDER] [-word WORD] PROGRAM [ARG…]
//
// PROGRAM is a path; PATH is not searched. It runs with the supervisor's environment, working directory, user and
// standard streams, in its own process group. When the program has ended, the group is killed: as in any container, its
// processes do not outlive it. A process that has left for another session survives, and is reaped when it ends.
//
// The signal [report.Restart] requests a restart. The program gets SIGNAL (default SIGTERM: "QUIT", "SIGINT", "3"), after
// DURATION (default 2s) SIGKILL, and is then started again. A program that ends by itself, or that cannot be executed,
// is only started again on the next such signal, so a crash does not repeat itself.
//
// With FOLDER, which must be writable, the supervisor receives new programs on standard input. Before each comes a line
// with its size ([report.Program]). A complete program replaces the running one, as after Restart. The line
// [report.RestartLine] also requests a restart. The program's own standard input is then empty. If a program cannot be
// received, the supervisor reports a failure and the running program continues. The supervisor ends when standard input
// ends, which happens however the process that created the container ends.
//
//	supervisor -run FOLDER PROGRAM [ARG…]
//
// executes the current program, which is the one in FOLDER if one was received, with other arguments, and supervises
// nothing. A health check that runs the program itself then runs the current one.
//
// SIGTERM, SIGINT and SIGNAL are passed on, and the supervisor ends with the program and its exit code (128+n if signal n
// killed it, 127 or 126 if it could not be started). If no program runs, it ends at once. Every other signal that can be
// caught is passed on, except SIGCHLD, SIGPIPE and SIGURG, which belong to the supervisor or the Go runtime.
//
// Each start and end is reported on standard error, see package report, with WORD, which the program cannot see: neither in its
// environment nor among the arguments of PID 1, where it is overwritten. A restart requested before the first start was
// reported may be lost: the kernel drops signals that PID 1 does not handle yet (pid_namespaces(7)).
package main
