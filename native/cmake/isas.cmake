# The instruction sets that code is compiled for, and the flags of each.

set(RECURRA_ISAS baseline)
set(RECURRA_FLAGS_baseline "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  list(APPEND RECURRA_ISAS avx2 avx512)
  set(RECURRA_FLAGS_avx2 -mavx2 -mfma)
  set(RECURRA_FLAGS_avx512
    -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mprefer-vector-width=512)
endif()

# No contraction: a multiply-add is fused where the source says so, and nowhere else, so that every
# instruction set computes the same bits.
set(RECURRA_ARITHMETIC -ffp-contract=off -fno-math-errno -fno-trapping-math)
set(RECURRA_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Werror)

# Gives the target what every file of the engine is compiled with.
function(recurra_compile_options target)
  target_include_directories(${target} PRIVATE ${recurra_SOURCE_DIR}/native)
  target_compile_options(${target} PRIVATE
    ${RECURRA_WARNINGS} -Wno-psabi ${RECURRA_ARITHMETIC})
  if(RECURRA_SANITIZE)
    target_compile_definitions(${target} PRIVATE RECURRA_SANITIZED)
    target_compile_options(${target} PRIVATE
      -fsanitize=${RECURRA_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1 -O1)
    target_link_options(${target} PUBLIC -fsanitize=${RECURRA_SANITIZE})
  endif()
endfunction()

# Adds one translation unit for each instruction set, which includes `body` with RECURRA_ISA defined
# as its name. Whole numbers wrap there, since bits are computed for lanes that are thrown away.
function(recurra_isa_sources target body)
  get_filename_component(stem ${body} NAME_WE)
  foreach(isa IN LISTS RECURRA_ISAS)
    set(unit ${CMAKE_CURRENT_BINARY_DIR}/isas/${stem}_${isa}.cpp)
    file(CONFIGURE OUTPUT ${unit} CONTENT "#define RECURRA_ISA ${isa}\n#include \"${body}\"\n")
    set_source_files_properties(${unit} PROPERTIES COMPILE_OPTIONS "-fwrapv;${RECURRA_FLAGS_${isa}}")
    target_sources(${target} PRIVATE ${unit})
  endforeach()
endfunction()
