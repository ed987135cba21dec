// What takes the emulated processor from its reset to the state that the launch's VMSA describes:
// real mode, 64-bit mode, the guest's page tables, zero in every general register but RSI, jump.
// On hardware the processor does this by itself, so no byte of it is part of the measurement.
//
// The code runs at F000:0000. It has no relocations: every address is a difference of labels.
// The block `entry` is filled in by rom.cpp.

        .section .rodata.extreq_rom, "a", @progbits
        .balign 16
        .globl  extreq_rom_code, extreq_rom_entry, extreq_rom_code_end
        .hidden extreq_rom_code, extreq_rom_entry, extreq_rom_code_end

        .set    rom_base, 0xF0000
        .set    rom_tables, 0xF1000

extreq_rom_code:
        .code16
        cli
        movw    $0xF000, %ax
        movw    %ax, %ds
        lgdtl   gdt_descriptor - extreq_rom_code
        movl    %cr4, %eax
        orl     $0x620, %eax                    // PAE, OSFXSR, OSXMMEXCPT
        movl    %eax, %cr4
        movl    $rom_tables, %eax
        movl    %eax, %cr3
        movl    $0xC0000080, %ecx               // EFER
        rdmsr
        orl     $0x900, %eax                    // LME, NXE
        wrmsr
        movl    $0x2FF, %ecx                    // MTRR default type: enabled, write-back. Without
        movl    $0x806, %eax                    // it Linux takes the processor for one without PAT
        xorl    %edx, %edx
        wrmsr
        movl    %cr0, %eax
        andl    $0x9FFFFFFF, %eax               // caches on
        orl     $0x80000001, %eax               // paging, protected mode
        movl    %eax, %cr0
        ljmpl   $0x08, $(rom_base + long_mode - extreq_rom_code)

        .code64
long_mode:
        movl    $0x10, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    %eax, %fs
        movl    %eax, %gs
        movq    entry_rsi(%rip), %rsi
        movq    entry_cr3(%rip), %rax
        movq    %rax, %cr3
        xorl    %eax, %eax
        xorl    %ebx, %ebx
        xorl    %ecx, %ecx
        xorl    %edx, %edx
        xorl    %edi, %edi
        xorl    %ebp, %ebp
        xorl    %esp, %esp
        xorl    %r8d, %r8d
        xorl    %r9d, %r9d
        xorl    %r10d, %r10d
        xorl    %r11d, %r11d
        xorl    %r12d, %r12d
        xorl    %r13d, %r13d
        xorl    %r14d, %r14d
        xorl    %r15d, %r15d
        jmpq    *entry_rip(%rip)

        .balign 16
gdt:
        .quad   0
        .quad   0x00AF9B000000FFFF              // 64-bit code
        .quad   0x00CF93000000FFFF              // data
gdt_descriptor:
        .word   gdt_descriptor - gdt - 1
        .long   rom_base + gdt - extreq_rom_code

        .balign 8
extreq_rom_entry:
entry_rip:
        .quad   0
entry_rsi:
        .quad   0
entry_cr3:
        .quad   0
extreq_rom_code_end:

        .section .note.GNU-stack, "", @progbits
