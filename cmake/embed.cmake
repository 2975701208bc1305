# The contracts' artefacts as C, for test programs: they know a contract by its ABI.
#
# cmake -P embed.cmake OUTPUT FILE...: one array of bytes for each FILE, and a table of them (tests/abi/contracts.c).
if(CMAKE_SCRIPT_MODE_FILE)
  math(EXPR last "${CMAKE_ARGC} - 1")
  set(output ${CMAKE_ARGV3})
  set(arrays "")
  set(rows "")
  if(last GREATER 3)
    foreach(i RANGE 4 ${last})
      set(file ${CMAKE_ARGV${i}})
      get_filename_component(name ${file} NAME_WE)
      file(READ ${file} bytes HEX)
      string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
      string(APPEND arrays "static const unsigned char artefact_${name}[] = {${bytes}0};\n")
      string(APPEND rows "\t{\"${name}\", artefact_${name}, sizeof(artefact_${name}) - 1},\n")
    endforeach()
  endif()
  file(WRITE ${output}.new "#include \"abi/artefacts.h\"\n\n${arrays}\nconst struct artefact artefacts[] = {\n${rows}\t{0, 0, 0},\n};\n")
  file(RENAME ${output}.new ${output})
  return()
endif()

# dsn_embed_artefacts(LIBRARY): compiles contracts/artifacts/*.json into it.
function(dsn_embed_artefacts library)
  file(GLOB artefacts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/contracts/artifacts/*.json)
  set(output ${CMAKE_BINARY_DIR}/artefacts.c)
  add_custom_command(OUTPUT ${output} DEPENDS ${artefacts} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake VERBATIM
                     COMMAND ${CMAKE_COMMAND} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake ${output} ${artefacts})
  target_sources(${library} PRIVATE ${output})
endfunction()
