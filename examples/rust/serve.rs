// A vCPU's loop in Rust, with libextreq-vmm and bindings written by hand: rustc alone, no crates.
// The stand-in for KVM_RUN is the same as in examples/vmm_c/serve.c.
//
//   serve BLOB REQUESTS

use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

// ---- extreq/vmm.h ---------------------------------------------------------------------------

#[repr(C)]
struct Region {
    gpa: u64,
    bytes: *mut c_void,
    size: u64,
}

type WriteCallback = extern "C" fn(*mut c_void, u64, *const c_void, usize) -> c_int;

#[repr(C)]
struct Memory {
    write: Option<WriteCallback>,
    opaque: *mut c_void,
    regions: *const Region,
    region_count: usize,
}

type RunCallback = extern "C" fn(*mut c_void) -> c_int;

#[repr(C)]
struct VcpuConfig {
    size: usize,
    vcpu_fd: c_int,
    run: Option<RunCallback>,
    opaque: *mut c_void,
}

#[repr(C)]
struct Opaque {
    _private: [u8; 0],
}

const CERTIFICATES: c_int = 1;
const POLICY_WAIT: u64 = u64::MAX;

#[link(name = "extreq-vmm")]
extern "C" {
    fn extreq_vmm_error() -> *const c_char;
    fn extreq_vmm_source_open_blob(path: *const c_char, source: *mut *mut Opaque) -> c_int;
    fn extreq_vmm_source_close(source: *mut Opaque);
    fn extreq_vmm_create(source: *mut Opaque, policy: *const c_void, vm: *mut *mut Opaque) -> c_int;
    fn extreq_vmm_destroy(vm: *mut Opaque);
    fn extreq_vmm_vcpu_create(
        vm: *mut Opaque,
        config: *const VcpuConfig,
        vcpu: *mut *mut Opaque,
    ) -> c_int;
    fn extreq_vmm_vcpu_destroy(vcpu: *mut Opaque);
    fn extreq_vmm_vcpu_handle(
        vcpu: *mut Opaque,
        run: *mut KvmRun,
        memory: *const Memory,
        max_wait_ns: u64,
    ) -> c_int;
    fn extreq_vmm_vcpu_answer(vcpu: *const Opaque) -> c_int;
    fn extreq_vmm_vcpu_failure(vcpu: *const Opaque) -> *const c_char;
}

fn last_error() -> String {
    // SAFETY: never NULL, and valid until this thread's next failing call.
    unsafe { CStr::from_ptr(extreq_vmm_error()) }.to_string_lossy().into_owned()
}

struct Source(*mut Opaque);
struct Vm(*mut Opaque);
struct Vcpu(*mut Opaque);

impl Source {
    fn blob(path: &str) -> Result<Source, String> {
        let path = CString::new(path).map_err(|e| e.to_string())?;
        let mut source = std::ptr::null_mut();
        // SAFETY: both pointers live for the call.
        match unsafe { extreq_vmm_source_open_blob(path.as_ptr(), &mut source) } {
            0 => Ok(Source(source)),
            _ => Err(last_error()),
        }
    }
}

impl Vm {
    fn new(source: &Source) -> Result<Vm, String> {
        let mut vm = std::ptr::null_mut();
        // SAFETY: the source is open; NULL is the default policy.
        match unsafe { extreq_vmm_create(source.0, std::ptr::null(), &mut vm) } {
            0 => Ok(Vm(vm)),
            _ => Err(last_error()),
        }
    }

    // A VMM on KVM gives vcpu_fd and no callback.
    fn create_vcpu(&self, machine: *mut Machine) -> Result<Vcpu, String> {
        let config = VcpuConfig {
            size: std::mem::size_of::<VcpuConfig>(),
            vcpu_fd: -1,
            run: Some(run_vcpu),
            opaque: machine.cast(),
        };
        let mut vcpu = std::ptr::null_mut();
        // SAFETY: the VM is open, and config is copied.
        match unsafe { extreq_vmm_vcpu_create(self.0, &config, &mut vcpu) } {
            0 => Ok(Vcpu(vcpu)),
            _ => Err(last_error()),
        }
    }
}

// SAFETY of all three: each handle is owned by one value and released once.
impl Drop for Source {
    fn drop(&mut self) {
        unsafe { extreq_vmm_source_close(self.0) }
    }
}
impl Drop for Vm {
    fn drop(&mut self) {
        unsafe { extreq_vmm_destroy(self.0) }
    }
}
impl Drop for Vcpu {
    fn drop(&mut self) {
        unsafe { extreq_vmm_vcpu_destroy(self.0) }
    }
}

// ---- The machine ------------------------------------------------------------------------------

const EXIT_SNP_REQ_CERTS: u32 = 43;
const EXIT_MEMORY_FAULT: u32 = 39;
const EINTR: c_int = 4;
const EIO: c_int = 5;
const EAGAIN: c_int = 11;
const EFAULT: c_int = 14;
const PAGE: usize = 4096;
const PAGES: usize = 4;
const GPA: u64 = 0x10_0000;

// The start of struct kvm_run, as far as it is used here, within its whole page.
#[repr(C, align(4096))]
struct KvmRun {
    request_interrupt_window: u8,
    immediate_exit: AtomicU8,
    padding1: [u8; 6],
    exit_reason: u32,
    state: [u8; 20],
    gpa: u64,
    npages: u64,
    ret: u64,
    rest: [u8; 4096 - 56],
}

struct Machine {
    run: Box<KvmRun>,
    memory: Vec<u8>,
    pending: bool,
    served: u64,
}

// A signal handler that wants this vCPU out of the guest sets this, then immediate_exit.
static KICK_REQUESTED: AtomicBool = AtomicBool::new(false);

impl Machine {
    fn run_vcpu(&mut self) -> c_int {
        if self.pending {
            self.pending = false;
            if self.run.ret != 0 {
                return -EIO;
            }
            self.served += 1;
        }
        if self.run.immediate_exit.load(Ordering::Relaxed) != 0 {
            return -EINTR;
        }
        self.run.exit_reason = EXIT_SNP_REQ_CERTS;
        self.run.gpa = GPA;
        self.run.npages = PAGES as u64;
        self.run.ret = 0;
        self.pending = true;
        0
    }
}

extern "C" fn run_vcpu(machine: *mut c_void) -> c_int {
    // SAFETY: create_vcpu() was given a machine that outlives the vCPU.
    unsafe { (*machine.cast::<Machine>()).run_vcpu() }
}

extern "C" fn write_guest(opaque: *mut c_void, gpa: u64, bytes: *const c_void, size: usize) -> c_int {
    // SAFETY: opaque is the memory that serve() handed over for this one call.
    let memory = unsafe { &mut *opaque.cast::<Vec<u8>>() };
    let Some(offset) = gpa.checked_sub(GPA) else { return -EFAULT };
    let Ok(offset) = usize::try_from(offset) else { return -EFAULT };
    let Some(end) = offset.checked_add(size) else { return -EFAULT };
    let Some(place) = memory.get_mut(offset..end) else { return -EFAULT };
    // SAFETY: the library gives `size` readable bytes.
    place.copy_from_slice(unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), size) });
    0
}

// `machine` is a raw pointer because the library comes back to it inside handle().
fn serve(machine: *mut Machine, vcpu: &Vcpu, requests: u64) -> Result<(), String> {
    // SAFETY, here and below: one thread, and each reference ends before the next one begins.
    while unsafe { (*machine).served } < requests {
        let run: *mut KvmRun = unsafe { &mut *(*machine).run };
        let mut result = unsafe { (*machine).run_vcpu() };
        if result == 0 {
            let memory = Memory {
                write: Some(write_guest),
                opaque: unsafe { std::ptr::addr_of_mut!((*machine).memory) }.cast(),
                regions: std::ptr::null(),
                region_count: 0,
            };
            result = unsafe { extreq_vmm_vcpu_handle(vcpu.0, run, &memory, POLICY_WAIT) };
            if unsafe { extreq_vmm_vcpu_answer(vcpu.0) } != CERTIFICATES {
                let why = unsafe { CStr::from_ptr(extreq_vmm_vcpu_failure(vcpu.0)) };
                return Err(format!("no certificates: {}", why.to_string_lossy()));
            }
        }
        // From here on as without the library.
        if result == -EINTR || result == -EAGAIN {
            // Cleared before the look at what it was set for.
            unsafe { &(*run).immediate_exit }.store(0, Ordering::SeqCst);
            if KICK_REQUESTED.swap(false, Ordering::SeqCst) {
                return Ok(());
            }
            continue;
        }
        let reason = unsafe { (*run).exit_reason };
        if result == -EFAULT && reason == EXIT_MEMORY_FAULT {
            continue; // a VMM of SNP guests converts the memory here
        }
        if result != 0 {
            return Err(format!("KVM_RUN: {result}"));
        }
        return Err(format!("nobody serves exit reason {reason}"));
    }
    Ok(())
}

fn run() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, blob, requests] = arguments.as_slice() else {
        return Err("usage: serve BLOB REQUESTS".into());
    };
    let requests = requests.parse::<u64>().map_err(|e| e.to_string())?;
    let source = Source::blob(blob)?;
    let vm = Vm::new(&source)?;
    // SAFETY: zeros are a valid KvmRun.
    let run = Box::new(unsafe { std::mem::zeroed::<KvmRun>() });
    let mut machine = Machine { run, memory: vec![0; PAGES * PAGE], pending: false, served: 0 };
    let vcpu = vm.create_vcpu(&mut machine)?;
    serve(&mut machine, &vcpu, requests)?;
    drop(vcpu);
    println!("served {}", machine.served);
    std::io::stdout().write_all(&machine.memory).map_err(|e| e.to_string())
}

fn main() {
    if let Err(why) = run() {
        eprintln!("{why}");
        std::process::exit(1);
    }
}
